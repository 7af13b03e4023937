"""What goes wrong at which write: counts the writes of each owner, and springs where it is planned.

An owner is one fault's run, or the store. One operator works on all of them at once, so one
SIGKILL is a kill at the planned write of each: a write that is reached is held back until the
others have reached theirs, or for a moment, and then the process dies once. Who came too late for
that is hit by a later kill of the same round.
"""

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import unquote_plus

KILLS = ("before", "after", "lost")  # lost: it happened, its reply never arrives
ERRORS = ("409", "422", "429", "500", "timeout")  # timeout: it happened, nobody hears of it
FINAL, FINAL_EVERY, FINAL_FROM = "422", 6, 3
LAST_TURN = 12  # of a write that repeats; then the API is mended
GATHER_S = 2.0  # since the last one arrived: a fresh process makes its AWS clients one by one
LONELY_S = 0.6  # where nobody came for some time: such writes happen one after the other
LONELY = 3
LONGEST_S = 6.0  # since the first one arrived: what is held dies anyway, its claim may grow old
ARRIVAL_S = 0.01  # a reply needs no longer to reach a process on this machine
RANDOM = re.compile(  # ids and names that differ from round to round
    r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[a-z]+-[0-9a-f]{8,}|[0-9a-f]{8,}|EX[TP][0-9A-Za-z]+"
    r"|try-[a-z]+-\d+(-\d+)?|-[a-z0-9]{8,10}-[a-z0-9]{5}\b|spare-\d"
    r"|(10|127)\.\d+\.\d+\.\d+|resourceVersion\W+\d+"
)


@dataclass(frozen=True)
class Write:
    """One write that was asked for: of whose run it is the how manieth, and which of its name."""

    owner: str
    what: str
    body: str
    number: int
    turn: int

    def meets(self, error, half):
        """Whether an error meets it, in one of two rounds.

        Every other one of each name, so that what is tried again goes on: counted over all names,
        two writes that take turns would never both succeed. A 422 is final: one now and then.
        """
        if error == FINAL:
            return self.number % FINAL_EVERY == FINAL_FROM + half
        return self.turn % 2 == half and self.turn <= LAST_TURN

    @property
    def key(self):
        """What it does, alike in each run."""
        return RANDOM.sub("*", unquote_plus(f"{self.what} {self.body}"))


class Trap:
    """Shared by all proxies of a rig."""

    def __init__(self, kill):
        self._kill = kill
        self._changed = threading.Condition()
        self.arm("", 0)

    def arm(self, trouble, number, owners=(), among=""):
        """Count anew; `number` is from 1, or which half of the writes an error meets.

        With `among` only writes of that name count; of two operators, the first to ask for it
        waits for the second, who may be slower.
        """
        with self._changed:
            self.trouble, self.number, self._owners = trouble, number, set(owners)
            self._among = among
            self.done, self.hits, self.kills = [], {}, 0
            self.writes = 0  # that were asked for
            self._counts, self._turns, self._held = Counter(), Counter(), {}
            self._generation, self._struck, self._arrived = 0, 0, 0.0
            self._lonely = 0

    def reached(self, owner, what, body):
        """Note a write that is about to happen; None where it must not."""
        with self._changed:
            self.writes += 1
            self._counts[owner] += self._among in ("", what)
            number = self._counts[owner] if self._among in ("", what) else 0
            self._turns[owner, what] += 1
            write = Write(owner, what, body, number, self._turns[owner, what])
            if self.trouble == "two" and what == self._among:
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._turns[owner, what] > 1, LONGEST_S)
        return None if self._dies(write, "before") else write

    def error(self, write):
        """Return the status to answer with instead of doing it; 0 is none."""
        with self._changed:
            if self.trouble in ERRORS and write.meets(self.trouble, self.number):
                self.hits.setdefault(write.owner, write.what)
                return 0 if self.trouble == "timeout" else int(self.trouble)
        return 0

    def happened(self, write, *, done=True):
        """Note that it did, or was refused; whether its reply must not arrive."""
        with self._changed:
            self.done += [write] if done else []
            if self.trouble == "timeout" and write.meets(self.trouble, self.number):
                self.hits.setdefault(write.owner, write.what)
                return True
        return self._dies(write, "lost")

    def reply(self, write, send):
        """Send the reply, and die once it has arrived where that is the plan."""
        self._dies(write, "after", send)

    def over(self, owner):
        """Say that an owner has nothing to write any more: nobody waits for it."""
        with self._changed:
            self._owners.discard(owner)
            self._changed.notify_all()

    def _dies(self, write, moment, send=lambda: None):
        """Hold a planned write back until all are there, then kill; whether that was done."""
        with self._changed:
            planned = (moment, write.number) == (self.trouble, self.number)
            if not planned or write.owner in self.hits or write.owner in self._held:
                planned = False
            else:
                leads, mine = not self._held, self._generation
                self._held[write.owner], self._arrived = write.what, time.monotonic()
                self._changed.notify_all()
                if leads:
                    self._gather()
                else:
                    self._changed.wait_for(lambda: self._generation != mine, 3 * LONGEST_S)
        send()
        if not planned:
            return False
        if moment == "after":
            time.sleep(ARRIVAL_S)
        self._strike(mine)
        return True

    def _gather(self):
        """Wait for those that have still to come; called by the first, which holds the lock."""
        latest = time.monotonic() + LONGEST_S
        while self._owners - set(self.hits) - set(self._held):
            patience = GATHER_S if self._lonely < LONELY else LONELY_S
            left = min(self._arrived + patience, latest) - time.monotonic()
            if left <= 0:
                break
            self._changed.wait(left)
        self._lonely = self._lonely + 1 if len(self._held) == 1 else 0
        self.hits |= self._held
        self._held = {}
        self._generation += 1
        self._changed.notify_all()

    def _strike(self, generation):
        """Kill once for all that were gathered."""
        with self._changed:
            if generation >= self._struck:
                self._struck = generation + 1
                self.kills += 1
                self._kill()
