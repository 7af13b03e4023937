"""The bug of most fault injectors: what undo needs is kept in memory, and not in the journal.

After a restart it restores what it takes for the usual.
"""

from dataclasses import replace

from cloudcafe_operator.effects import execute, undo_run

_entry_for, _entry = execute.outcomes.entry_for, execute._entry
_captured = {}


def entry_for(observed, *, slot, target, captured):
    """Make an entry without what undo needs."""
    _captured[target.id] = captured
    made = _entry_for(observed, slot=slot, target=target, captured={})
    return made.model_copy(update={"captured": {"wanted": captured["wanted"]}})


def entry(run, index):
    """Return the entry with it, where this process captured it."""
    made = _entry(run, index)
    usual = {**made.captured, "was": {"mode": "PROVISIONED", "read": 100, "write": 100}}
    return replace(made, captured=_captured.get(made.target.id, usual))


execute.outcomes.entry_for = entry_for
execute._entry = undo_run._entry = entry
