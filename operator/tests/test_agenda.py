"""The laws of the agenda, for any order of calls."""

from cloudcafe_operator.agenda import Agenda
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

AHEAD, NEVER = 4.0, float("inf")
KEYS = st.sampled_from("abcde")


class AnyUse(RuleBasedStateMachine):
    """Compares the agenda with a plain dictionary of wishes."""

    def __init__(self):
        super().__init__()
        self.agenda = Agenda()
        self.wishes = {}
        self.in_hand = set()
        self.now = 0.0

    @rule(key=KEYS, after=st.integers(0, 10))
    def add(self, key, after):
        due = self.now + after
        self.agenda.add(key, due)
        self.wish(key, rank=due, due=due, told=NEVER)

    @rule(key=KEYS)
    def add_news(self, key):
        self.agenda.tell(key, self.now, ahead=AHEAD)
        self.wish(key, rank=self.now - AHEAD, due=self.now, told=self.now)

    def wish(self, key, **new):
        before = self.wishes.get(key, new)
        self.wishes[key] = {name: min(value, before[name]) for name, value in new.items()}

    @rule(seconds=st.integers(1, 5))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def take(self):
        ready = {
            key: wish["rank"]
            for key, wish in self.wishes.items()
            if key not in self.in_hand and wish["due"] <= self.now
        }
        taken = self.agenda.take(self.now)
        if not ready:
            assert taken is None
            return
        wish = self.wishes.pop(taken.key)
        assert ready[taken.key] == min(ready.values())
        assert taken.news == (wish["told"] < NEVER)
        assert taken.since == (wish["told"] if taken.news else wish["due"])
        assert taken.key not in self.in_hand
        self.in_hand.add(taken.key)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def finish(self, data):
        key = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.agenda.finish(key)
        self.in_hand.discard(key)

    @rule(key=KEYS)
    def remove(self, key):
        self.agenda.remove(key)
        self.wishes.pop(key, None)

    @invariant()
    def it_knows_what_is_next(self):
        free = [wish["rank"] for key, wish in self.wishes.items() if key not in self.in_hand]
        assert self.agenda.next_due() == min(free, default=None)
        assert len(self.agenda) == len(self.wishes)
        assert self.agenda.in_hand == self.in_hand


TestAnyUse = AnyUse.TestCase
