"""Messages of a group take effect in their order, whatever fails, dies or comes twice."""

import asyncio

from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import Again, Done, Poison, SqsConsumer, dead_letters_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

QUEUE = "q.fifo"
GROUPS = st.sampled_from("abc")
CALLS = st.sampled_from(
    [
        "receive_message",
        "send_message_batch",
        "delete_message_batch",
        "change_message_visibility_batch",
    ]
)


class Died(BaseException):
    """The process is killed here."""


class Queue(RuleBasedStateMachine):
    """One queue, several consumers that come and go, and an idempotent handler."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.runner = asyncio.Runner()
        self.aws = FakeAws(lambda: self.now)
        self.sent = {group: [] for group in "abc"}
        self.effects = {group: [] for group in "abc"}
        self.fate = {}
        self.dies_in_handler = False

    @initialize()
    def start(self):
        self.metrics = Metrics("x")
        self.restart()

    def restart(self):
        self.consumer = SqsConsumer(self.aws, QUEUE, self.handle, service="x", metrics=self.metrics)

    async def handle(self, messages):
        """As a service does it: in order, and nothing of a group after what failed."""
        verdicts, stuck = [], set()
        for message in messages:
            fate = self.fate.get(message.body, "done")
            if message.group in stuck or fate == "again":
                stuck.add(message.group)
                verdicts.append(Again("no"))
            elif fate == "poison":
                verdicts.append(Poison("no"))
            else:
                seen = self.effects[message.group]
                if message.body not in seen:
                    seen.append(message.body)
                verdicts.append(Done())
        if self.dies_in_handler:
            raise Died
        return verdicts

    @rule(group=GROUPS, fate=st.sampled_from(["done", "done", "again", "poison"]))
    def send(self, group, fate):
        body = f"{group}{len(self.sent[group])}"
        self.sent[group].append(body)
        self.fate[body] = fate
        self.aws.put_message(QUEUE, body, group)

    @rule()
    def consume(self):
        self.runner.run(self.consumer.run_once())

    @rule(call=CALLS, late=st.booleans(), deadly=st.booleans())
    def consume_with_trouble(self, call, late, deadly):
        def trouble(parameters):
            raise Died if deadly else UnavailableError("away")

        (self.aws.after if late else self.aws.rules)[call] = trouble
        self.attempt()
        self.aws.after.clear()
        self.aws.rules.clear()
        self.restart()

    @rule()
    def die_in_the_handler(self):
        self.dies_in_handler = True
        self.attempt()
        self.dies_in_handler = False
        self.restart()

    def attempt(self):
        try:
            self.runner.run(self.consumer.run_once())
        except (Died, UnavailableError):
            return

    @rule(seconds=st.sampled_from([1, 10, 100]))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def heal(self):
        for body, fate in self.fate.items():
            if fate == "again":
                self.fate[body] = "done"

    @invariant()
    def effects_are_in_order(self):
        for group, effects in self.effects.items():
            wanted = [body for body in self.sent[group] if self.fate[body] != "poison"]
            assert effects == wanted[: len(effects)]

    def teardown(self):
        self.heal()
        for _ in range(sum(map(len, self.sent.values()))):
            self.now += 3600
            if self.aws.queue(QUEUE):
                self.runner.run(self.consumer.run_once())
        self.runner.close()
        assert self.aws.queue(QUEUE) == []
        parked = self.aws.bodies(dead_letters_of(QUEUE))
        for group, sent in self.sent.items():
            poison = {body for body in sent if self.fate[body] == "poison"}
            assert self.effects[group] == [body for body in sent if body not in poison]
            assert poison <= set(parked)
        assert len(parked) == len(set(parked))


TestGroupOrder = Queue.TestCase
TestGroupOrder.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
