"""Die before and after every external effect, once or twice, and still charge once.

The external effects are: receive, ledger write, provider call, send, delete. The world around the
real handler can charge twice, forget keys, charge late and charge without answering.
"""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TROUBLES = ["lost", "unheard", "late", "unreached"]
STORIES = {
    "asked": ["requested"],
    "asked twice": ["requested", "requested"],
    "asked, then cancelled": ["requested", "cancel-requested"],
    "cancelled before asked": ["cancel-requested", "requested"],
    "cancelled alone": ["cancel-requested"],
    "cancelled twice": ["requested", "cancel-requested", "cancel-requested"],
}
MANNERS = {
    "remembers keys": {},
    "forgets keys": {"remembers_keys": False},
    "declines": {"declines": True},
}


def tell(world, story, *, apart=False):
    for number, kind in enumerate(STORIES[story]):
        world.ask(kind, group=f"group-{number}" if apart else None)


def check(world, story):
    assert world.complaints() == []
    if "cancel-requested" in STORIES[story]:
        assert world.entry().state in {"voided", "refunded", "declined"}
    else:
        assert world.entry().state == ("declined" if world.provider.declines else "captured")


def bad_moments(trouble, call):
    """Twice in trouble, then well again."""
    coming = itertools.chain([trouble, trouble], itertools.repeat(None))
    return lambda name: next(coming) if name == call else None


async def boundaries(new_world, story, manners, **options):
    """How many there are in a life without trouble."""
    world = new_world(**manners)
    tell(world, story, **options)
    consumer, life = world.process()
    for _ in STORIES[story]:
        await world.live(consumer, life)
        world.advance(70)
    return len(life.boundaries)


@pytest.mark.parametrize("apart", [False, True], ids=["in order", "in any order"])
@pytest.mark.parametrize("manners", MANNERS)
@pytest.mark.parametrize("story", STORIES)
async def test_dying_at_any_boundary_charges_once_and_tells_the_truth(
    new_world, story, manners, apart
):
    count = await boundaries(new_world, story, MANNERS[manners], apart=apart)
    assert count > 8
    for ends_at in range(count + 1):
        world = new_world(**MANNERS[manners])
        tell(world, story, apart=apart)
        await world.live(*world.process(ends_at))
        await world.drain()
        check(world, story)


@pytest.mark.parametrize("story", ["asked", "asked, then cancelled"])
async def test_dying_twice_charges_once_even_if_keys_are_forgotten(new_world, story):
    manners = MANNERS["forgets keys"]
    count = await boundaries(new_world, story, manners)
    for first, second in itertools.product(range(1, count), range(1, count, 3)):
        world = new_world(**manners)
        tell(world, story)
        await world.live(*world.process(first))
        world.advance(61)
        await world.live(*world.process(second))
        await world.drain()
        check(world, story)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("call", ["authorise", "find", "capture", "void", "refund"])
@pytest.mark.parametrize("story", ["asked", "asked, then cancelled"])
async def test_dying_around_a_call_in_trouble_charges_once(new_world, story, call, trouble):
    for ends_at in range(0, 30, 2):
        world = new_world(remembers_keys=False)
        world.provider.trouble = bad_moments(trouble, call)
        tell(world, story)
        await world.live(*world.process(ends_at))
        await world.drain()
        world.provider.appear()
        check(world, story)


LIVES = st.fixed_dictionaries(
    {
        "story": st.sampled_from(sorted(STORIES)),
        "deaths": st.lists(st.tuples(st.integers(0, 30), st.integers(0, 90)), max_size=5),
        "troubles": st.lists(st.sampled_from([None, *TROUBLES]), max_size=10),
        "remembers": st.booleans(),
        "apart": st.booleans(),
    }
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(lives=LIVES)
async def test_whatever_happens_charges_once(new_world, lives):
    world = new_world(remembers_keys=lives["remembers"])
    coming = itertools.chain(lives["troubles"], itertools.repeat(None))
    world.provider.trouble = lambda _call: next(coming)
    tell(world, lives["story"], apart=lives["apart"])
    for ends_at, pause in lives["deaths"]:
        await world.live(*world.process(ends_at))
        world.advance(pause)
    await world.drain(seconds=900)
    world.provider.appear()
    check(world, lives["story"])
