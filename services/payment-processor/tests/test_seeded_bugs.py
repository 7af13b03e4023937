"""The sweeps of `test_crashes.py` find the bugs that they are there for."""

import itertools
from dataclasses import replace

import pytest
from cafe_kit.sqs import Done
from cafe_payments import rules
from cafe_payments.fakes import FakeTables
from cafe_payments.handler import PaymentHandler
from cafe_payments.service import Payments


def charges_before_the_ledger_write(monkeypatch):
    settle = Payments.settle

    async def hasty(self, command, *, again=False):
        if command.type == "payment.requested" and await self._ledger.read("o-1") is None:
            opened = rules._opening(command, self._clock())
            await self._provider.authorise(opened, f"{command.order_id}:authorise")
        return await settle(self, command, again=again)

    monkeypatch.setattr(Payments, "settle", hasty)


def charges_again_without_looking(monkeypatch):
    take = rules._take

    def careless(entry, turn):
        return take(replace(entry, unsure_until=None), turn)

    monkeypatch.setattr(rules, "_take", careless)


def believes_an_early_lookup(monkeypatch):
    nothing_found = rules.nothing_found

    def believing(entry, turn):
        return nothing_found(replace(entry, unsure_until=None), turn)

    monkeypatch.setattr(rules, "nothing_found", believing)


def forgets_that_it_was_cancelled(monkeypatch):
    decide = rules.decide

    def forgetful(known, command, turn):
        if known is not None:
            known = replace(known, cancel_requested=False)
        return decide(known, command, turn)

    monkeypatch.setattr(rules, "decide", forgetful)


def writes_over_what_is_there(monkeypatch):
    monkeypatch.setattr(FakeTables, "_reason", lambda _self, _put: {"Code": "None"})


def takes_no_heed_of_a_lease(monkeypatch):
    decide = rules.decide

    def impatient(known, command, turn):
        if known is not None:
            known = replace(known, leased_until=None, unsure_until=None)
        return decide(known, command, turn)

    monkeypatch.setattr(rules, "decide", impatient)


def deletes_before_it_tells(monkeypatch):
    handle = PaymentHandler.handle

    async def early(self, messages):
        verdicts = await handle(self, messages)
        return [Done()] * len(verdicts)

    monkeypatch.setattr(PaymentHandler, "handle", early)


BUGS = [
    charges_before_the_ledger_write,
    charges_again_without_looking,
    believes_an_early_lookup,
    forgets_that_it_was_cancelled,
    writes_over_what_is_there,
    takes_no_heed_of_a_lease,
    deletes_before_it_tells,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
async def test_the_sweeps_find(new_world, monkeypatch, bug):
    bug(monkeypatch)
    async for complaint in sweeps(new_world):
        assert complaint
        return
    pytest.fail("the sweeps did not notice")


async def test_the_sweeps_find_nothing_where_nothing_is_wrong(new_world):
    assert [complaint async for complaint in sweeps(new_world)] == []


KINDS = (["requested"], ["requested", "cancel-requested"], ["cancel-requested", "requested"])


async def sweeps(new_world):
    """Complaints of lives that end, and of lives that pause while another takes over."""
    for kinds, trouble in itertools.product(KINDS, (None, "late")):
        for at in range(24):
            world = new_world(remembers_keys=False)
            world.provider.trouble = once(trouble)
            world.ask_all(kinds)
            await world.live(*world.process(at))
            async for complaint in judged(world, kinds):
                yield complaint
        for at in range(1, 20):
            world = new_world(remembers_keys=False)
            world.ask_all(kinds)
            await world.overtake(at, seconds=0)
            async for complaint in judged(world, kinds):
                yield complaint


async def judged(world, kinds):
    try:
        await world.drain()
    except AssertionError as error:
        yield str(error)
        return
    world.provider.appear()
    for complaint in world.complaints():
        yield complaint
    if "cancel-requested" in kinds and world.entry() and world.entry().state == "captured":
        yield "charged though cancelled"


def once(trouble):
    coming = itertools.chain([trouble], itertools.repeat(None))
    return lambda name: next(coming) if name == "authorise" else None
