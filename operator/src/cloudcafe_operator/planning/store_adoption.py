"""Taking over what Terraform or a person made under a store's names. Pure.

First the status shows, field by field, what taking over would change, with a word that stands for
exactly that. Only when the owner repeats the word (an annotation) is it done. Less than was shown
may be left to do, as after a crash; for anything else there is a new word.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from cloudcafe_operator.planning.store_drift import Difference, differences
from cloudcafe_operator.planning.store_memory import Memory
from cloudcafe_operator.planning.store_owner import nobodys
from cloudcafe_operator.planning.store_steps import DATA_TIER, WATCH
from cloudcafe_operator.planning.store_world import Observed, Trouble, Wanted
from cloudcafe_operator.resources.store import ADOPT
from cloudcafe_operator.resources.store_status import Adoption, Change

DIGITS = 8


def as_agreed(wanted: Wanted, observed: Observed, memory: Memory) -> Wanted:
    """Return what is wanted, adopting now where the owner has said the word for it."""
    if wanted.terms.management != "Adopt":
        return wanted
    changes = _changes(wanted, observed)
    shown = memory.adoption
    said = shown is not None and wanted.terms.word == shown.word
    agreed = shown is not None and said and bool(changes) and set(changes) <= set(shown.changes)
    return replace(wanted, adopting=True) if agreed else wanted


def propose(wanted: Wanted, observed: Observed, memory: Memory) -> Adoption | None:
    """Return what the status shows: what is agreed and not done yet, or what may be agreed to."""
    if wanted.terms.management != "Adopt":
        return None
    changes = _changes(wanted, observed)
    if not changes:  # or it cannot be seen whether there are any
        areas = (*DATA_TIER, *WATCH)
        unseen = any(isinstance(getattr(observed, area), Trouble) for area in areas)
        return memory.adoption if unseen else None
    if as_agreed(wanted, observed, memory).adopting:
        return memory.adoption
    text = json.dumps([one.manifest() for one in changes], sort_keys=True)
    return Adoption(word=hashlib.sha256(text.encode()).hexdigest()[:DIGITS], changes=changes)


def ask(wanted: Wanted, adoption: Adoption) -> str:
    """Return the sentence that asks for the word."""
    names = ", ".join(dict.fromkeys(change.resource for change in adoption.changes))
    who = wanted.identity
    return (
        f"{names} exist and are not this store's. status.adoption.changes shows what adopting them "
        f"would change; to agree: kubectl annotate --overwrite cafestore -n {who.namespace} "
        f"{who.name} {ADOPT}={adoption.word}"
    )


def _changes(wanted: Wanted, observed: Observed) -> tuple[Change, ...]:
    names = nobodys(wanted, observed)
    found = differences(replace(wanted, adopting=True), observed)
    return tuple(_change(one) for one in found if _called(one) in names)


def _called(one: Difference) -> str:
    return f"{one.kind} {one.resource}" if one.kind in ("Secret", "ConfigMap") else one.resource


def _change(one: Difference) -> Change:
    return Change(kind=one.kind, resource=one.resource, field=one.field, want=one.want, got=one.got)
