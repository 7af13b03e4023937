"""Objects that are driven: read when they changed, and never believed for long."""

import asyncio

import pytest
from cloudcafe_operator.effects.known import Known
from cloudcafe_operator.effects.shared_lists import SharedLists
from cloudcafe_operator.effects.together import side_by_side
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.kinds import CHAOS_RUNS
from cloudcafe_operator.ports import Ref
from structlog.testing import capture_logs

from tests.fakes import FakeClock, FakeKubernetes

REF = Ref(CHAOS_RUNS, "a", "shop")


def run(name="a", phase="Holding"):
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosRun",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {},
        "status": {"phase": phase},
    }


class Bench:
    def __init__(self, *manifests):
        self.clock, self.kubernetes = FakeClock(), FakeKubernetes()
        self.kubernetes.seed(*manifests)
        self.known = Known(
            self.kubernetes,
            self.clock,
            CHAOS_RUNS,
            lambda manifest: manifest["status"]["phase"],
            fields="status.phase!=Finished",
        )

    async def get(self, name="a"):
        return await self.known.get("shop", name)


async def test_what_did_not_change_is_read_once():
    bench = Bench(run())
    for _ in range(5):
        assert await bench.get() == "Holding"
        bench.clock.advance(1.0)
    assert (bench.kubernetes.count("get"), bench.kubernetes.count("list")) == (1, 5)


async def test_a_change_by_others_is_seen_after_half_a_second():
    bench = Bench(run())
    await bench.get()
    bench.kubernetes.set_status("ChaosRun", "a", "shop", {"phase": "Reverting"})
    bench.clock.advance(0.5)
    assert await bench.get() == "Reverting"


async def test_an_own_write_is_known_at_once_and_not_read():
    bench = Bench(run())
    await bench.get()
    bench.known.remember(await bench.kubernetes.patch_status(REF, {"phase": "Reverting"}))
    assert await bench.get() == "Reverting"
    assert bench.kubernetes.count("get") == 1


async def test_an_answer_that_was_asked_for_before_an_own_write_does_not_replace_it():
    bench = Bench(run())
    await bench.get()
    old = await bench.kubernetes.get(REF)

    async def late(ref):
        bench.known.remember(await bench.kubernetes.patch_status(ref, {"phase": "Reverting"}))
        return old

    bench.known.forget("shop", "a")
    bench.kubernetes.get = late
    assert await bench.get() == "Reverting"


async def test_an_object_that_went_is_gone_and_forgotten():
    bench = Bench(run())
    await bench.get()
    await bench.kubernetes.delete(REF)
    bench.clock.advance(0.5)
    assert await bench.get() is None
    assert bench.known._held == {}


async def test_all_are_those_of_now_whatever_was_known():
    bench = Bench(run())
    assert await bench.known.all() == ["Holding"]
    bench.kubernetes.seed(run("b", "Pending"), run("c", "Finished"))
    assert await bench.known.all() == ["Holding", "Pending"]


async def test_a_definition_without_the_selectable_field_costs_a_longer_list_only():
    bench = Bench(run(), run("c", "Finished"))
    bench.kubernetes.fail_next("list", UserError("field label not supported: status.phase"))
    assert await bench.known.all() == ["Holding", "Finished"]


def pod(name, **labels):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "x" * 9000}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


async def test_a_hundred_who_ask_at_once_cause_one_list():
    clock, kubernetes = FakeClock(), FakeKubernetes()
    kubernetes.seed(pod("a"))
    lists = SharedLists(kubernetes, clock)
    seen = await asyncio.gather(*(lists.pods("shop") for _ in range(100)))
    assert kubernetes.count("list") == 1
    assert {one.name for found in seen for one in found.pods} == {"a"}


async def test_a_list_is_old_after_half_a_second():
    clock, kubernetes = FakeClock(), FakeKubernetes()
    lists = SharedLists(kubernetes, clock)
    assert (await lists.pods("shop")).pods == ()
    kubernetes.seed(pod("a"))
    clock.advance(0.5)
    assert [one.ready for one in (await lists.pods("shop")).pods] == [True]


async def test_a_failure_ends_the_others_before_it_goes_on():
    ended, started = [], []

    async def wait(number):
        started.append(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def fail():
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        await side_by_side([wait(1), wait(2), fail(), wait(4)])
    assert started == ended
    assert set(ended) >= {1, 2}


async def test_never_more_at_once_than_allowed():
    running, most = 0, 0

    async def work(number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number

    assert await side_by_side([work(n) for n in range(40)], at_once=7) == list(range(40))
    assert most == 7


async def test_the_past_is_not_believed_whatever_was_forgotten_meanwhile():
    bench = Bench(run(phase="Injecting"))
    await bench.get()
    past = await bench.kubernetes.get(REF)
    bench.known.remember(await bench.kubernetes.patch_status(REF, {"phase": "Finished"}))
    bench.known.forget("shop", "a")
    now, bench.kubernetes.get = bench.kubernetes.get, answer(past)
    with pytest.raises(Retry):
        await bench.get()
    bench.kubernetes.get = now
    assert await bench.get() == "Finished"


class Restored(Bench):
    """An API server whose numbers are those of an hour ago, unless it is `current` for once."""

    async def begin(self):
        await self.get()
        self.past = await self.kubernetes.get(REF)
        stored = await self.kubernetes.patch_status(REF, {"phase": "Finished"})
        self.known.remember(stored)
        self.now, self.kubernetes.get = self.kubernetes.get, answer(self.past)

    async def refuses(self, *, seconds, every=1.0):
        """Look for so many seconds; nothing is believed meanwhile."""
        for _ in range(int(seconds / every)):
            self.known.forget("shop", "a")
            with pytest.raises(Retry):
                await self.get()
            self.clock.advance(every)

    async def current(self):
        self.known.forget("shop", "a")
        self.kubernetes.get = self.now
        assert await self.get() == "Finished"
        self.known.forget("shop", "a")
        self.kubernetes.get = answer(self.past)


async def test_where_there_is_nothing_but_the_past_it_is_believed_after_half_a_minute():
    bench = Restored(run(phase="Injecting"))
    await bench.begin()
    with capture_logs() as logs:
        await bench.refuses(seconds=30)
        for _ in range(3):
            bench.known.forget("shop", "a")
            assert await bench.get() == "Injecting"
            bench.clock.advance(1.0)
    (said,) = logs
    assert (said["log_level"], said["name"]) == ("warning", "a")


async def test_one_answer_of_now_begins_the_distrust_anew():
    bench = Restored(run(phase="Injecting"))
    await bench.begin()
    await bench.refuses(seconds=29)
    await bench.current()
    await bench.refuses(seconds=30)


async def test_answers_that_are_far_apart_do_not_say_that_there_is_nothing_but_the_past():
    bench = Restored(run(phase="Injecting"))
    await bench.begin()
    await bench.refuses(seconds=180, every=60.0)


async def test_a_namesake_may_begin_anew():
    bench = Bench(run())
    await bench.get()
    await bench.kubernetes.delete(REF)
    bench.kubernetes.seed(run(phase="Pending"))
    bench.clock.advance(1.0)
    assert await bench.get() == "Pending"


def answer(manifest):
    async def get(_):
        return manifest

    return get
