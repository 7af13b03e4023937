"""Requests that hang: what has no answer yet is no good sample, and it starves nobody."""

import asyncio

from cloudcafe_operator.effects.observe_run import read_run
from cloudcafe_operator.effects.probes import Seen
from cloudcafe_operator.effects.sampling import IN_FLIGHT, Sampler
from cloudcafe_operator.planning.measure import judge_baseline, served_again
from cloudcafe_operator.planning.samples import Sample
from cloudcafe_operator.planning.steps import Observed
from cloudcafe_operator.planning.stop import stop_condition
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.worlds import experiment_spec
from tests.fakes import FakeClock

TIMEOUT_S = 5
MENU = {"name": "menu", "http": {"url": "http://menu:8080/x"}}


class Cafe:
    """Answers at once where `serves` says so; else the request hangs until its timeout."""

    def __init__(self, clock, serves):
        self.clock, self.serves = clock, serves
        self.asked = 0
        self.hanging = []

    async def sample(self, probe, *, namespace, key):
        self.asked += 1
        if self.serves(probe.name, self.asked):
            return Seen("good", 10)
        answer = asyncio.get_running_loop().create_future()
        self.hanging.append((self.clock.monotonic() + TIMEOUT_S, answer))
        return await answer

    def pass_time(self):
        self.clock.advance(1.0)
        for until, answer in self.hanging:
            if until <= self.clock.monotonic() and not answer.done():
                answer.set_result(Seen("refused", 1000 * TIMEOUT_S, "no answer"))


class Watched:
    """A run that is sampled each second, and what its engine sees of it."""

    def __init__(self, serves, *, probes=(MENU,), phase="Baseline", **changes):
        self.clock = FakeClock()
        self.cafe = Cafe(self.clock, serves)
        self.sampler = Sampler(self.cafe, self.clock, background=False)
        state = {"baseline": "5s", "probes": list(probes)}
        self.run = read_run(
            {
                "metadata": {
                    "name": "r", "namespace": "shop", "uid": "u", "resourceVersion": "1",
                    "creationTimestamp": self.clock.now().isoformat(),
                },
                "spec": {
                    "experiment": {"name": "e", "uid": "x", "generation": 1},
                    "template": experiment_spec("podKill", steadyState=state, **changes),
                },
                "status": {"phase": phase, "startedAt": self.clock.now().isoformat()},
            }
        )  # fmt: skip
        self.spec = self.run.spec.template
        self.sampler.watch(self.run)
        self.rounds = []

    async def second(self):
        self.rounds.append(asyncio.create_task(self.sampler.round()))
        await self._turns()
        self.cafe.pass_time()
        await self._turns()

    async def _turns(self):
        for _ in range(10):
            await asyncio.sleep(0)

    async def end(self):
        for task in self.rounds:
            task.cancel()
        self.sampler.stop_all()
        await asyncio.gather(*self.rounds, return_exceptions=True)

    @property
    def observed(self):
        return Observed(
            run=self.run,
            now=self.clock.now(),
            identity="me",
            samples=self.sampler.watch(self.run),
            waiting=self.sampler.waiting("u"),
            troubles=self.sampler.troubles("u"),
            sampled_until=self.sampler.offset("u"),
            watched_seconds=self.sampler.watched_seconds("u"),
        )


async def test_users_are_not_served_while_every_second_request_hangs():
    for first in (0, 1):
        watched = Watched(lambda _, number, first=first: number % 2 == first)
        for _ in range(20):
            await watched.second()
            settled = watched.observed.settled
            assert not served_again(watched.spec, settled, 0.0)
            assert judge_baseline(watched.spec, settled, 0.0).steady is not True
        assert judge_baseline(watched.spec, settled, 0.0).steady is False
        await watched.end()


async def test_they_are_served_again_once_what_hung_is_answered_and_a_row_is_good():
    watched = Watched(lambda _, number: number > 3)
    served = []
    for _ in range(12):
        await watched.second()
        served.append(served_again(watched.spec, watched.observed.settled, 0.0))
    assert served == [False] * 6 + [True] * 6  # the third hangs to second 7
    await watched.end()


async def test_what_hangs_hides_no_good_sample_from_a_stop_condition():
    rules = [{"probe": "menu", "failingFor": "4s"}]
    watched = Watched(lambda _, number: number % 7 not in (1, 2), phase="Holding", stopWhen=rules)
    for _ in range(30):
        await watched.second()
        assert stop_condition(watched.observed) == ""
    await watched.end()


async def test_probes_that_hang_take_no_turn_from_the_one_of_a_stop_condition():
    users = [{**MENU, "name": f"u{number}"} for number in range(9)]
    query = {"url": "http://p:9090", "query": "up", "above": 0}
    guard = {"name": "slo", "measured": False, "prometheus": query}
    watched = Watched(
        lambda name, number: name == "slo" or number < 20,
        probes=(*users, guard),
        phase="Holding",
        stopWhen=[{"probe": "slo", "failingFor": "10s"}],
    )
    for _ in range(40):
        await watched.second()
        assert stop_condition(watched.observed) == ""
    assert len(watched.observed.samples["slo"]) == 40
    await watched.end()


async def test_a_probe_that_hangs_is_asked_on_to_its_own_limit():
    slow = {**MENU, "timeout": "1m"}
    watched = Watched(lambda *_: False, probes=(slow,))
    watched.cafe.pass_time = lambda: watched.clock.advance(1.0)
    for _ in range(40):
        await watched.second()
    assert watched.cafe.asked == IN_FLIGHT
    await watched.end()


@given(
    st.lists(st.sampled_from("+-?"), min_size=1, max_size=30),
    st.integers(0, 30),
)
def test_nothing_begun_after_one_without_an_answer_counts(marks, since):
    answered = {"+": "good", "-": "refused"}
    samples = tuple(
        Sample(float(at), answered[mark], 10) for at, mark in enumerate(marks) if mark in answered
    )
    asked = [float(at) for at, mark in enumerate(marks) if mark == "?"]
    waiting = {"menu": asked[0]} if asked else {}
    run = Watched(lambda *_: True).run
    observed = Observed(
        run=run, now=run.created_at, identity="me", samples={"menu": samples}, waiting=waiting
    )
    settled = observed.settled["menu"]
    assert settled == tuple(one for one in samples if not asked or one.at < asked[0])
    if served_again(run.spec.template, observed.settled, since):
        end = "".join(marks).partition("?")[0]
        assert end.endswith("+++")
