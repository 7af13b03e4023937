"""A note is what was put in, while it is believed."""

import math

import pytest
from cloudcafe_operator.effects.store_notes import Note, StoreNotes
from cloudcafe_operator.errors import AccessDenied, Conflict, QuotaExceeded, Throttled, Unavailable
from cloudcafe_operator.planning.store_finding import Finding
from cloudcafe_operator.planning.store_world import Observed, Trouble

from tests.fakes import FakeClock
from tests.fakes.stores import ID, StoreWorld


@pytest.fixture
async def note():
    """What a converged store leaves, believed for ever."""
    world = StoreWorld()
    await world.apply(tier="flagship")
    await world.settle()
    found = world.reconciler.converger._notes.believed(ID)
    return Note(found.wanted, False, math.inf, found.finding)


async def test_a_note_is_as_it_was_put(note):
    notes = StoreNotes(FakeClock())
    notes.put(note)
    assert notes.believed(ID) == note


async def test_a_note_is_believed_for_its_time_only(note):
    clock = FakeClock()
    notes = StoreNotes(clock)
    notes.put(Note(note.wanted, False, clock.monotonic() + 10, note.finding))
    assert notes.seconds(ID) == 10
    clock.advance(10)
    assert notes.believed(ID) is None
    assert notes.seconds("another") == 0


async def test_a_dropped_note_is_gone(note):
    notes = StoreNotes(FakeClock())
    notes.put(note)
    notes.drop(ID)
    notes.drop(ID)
    assert notes.believed(ID) is None


@pytest.mark.parametrize(
    "error",
    [Throttled("slow", after=7.5), Unavailable("away", after=3.0), AccessDenied("no"),
     QuotaExceeded("full"), Conflict("late")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_a_trouble_keeps_its_kind_its_sentence_and_its_wait(note, error):
    notes = StoreNotes(FakeClock())
    notes.put(Note(note.wanted, False, math.inf, Finding(Observed(alarms=Trouble(error)), ())))
    found = notes.believed(ID).finding.observed.alarms.error
    assert (type(found), str(found)) == (type(error), str(error))
    assert getattr(found, "after", None) == getattr(error, "after", None)
