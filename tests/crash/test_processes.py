"""The operator's process gets SIGKILL at every write of all faults and of a store's life.

It runs between proxies to a real API server and to the embedded AWS; `make crash` tries every
write, `make test` a few. What was tried is printed, and written to `.cache/crash.json`.
"""

import json
import sys
import time
from collections import Counter

import pytest

from tests.crash.owners import OWNERS, STORE
from tests.crash.trap import ERRORS, KILLS

pytestmark = [pytest.mark.integration, pytest.mark.slow]
WRITES_OF_A_RUN = 60  # more than there are: a sweep ends where nobody has such a write
FEWEST = 14  # writes of a run; a store has about as many
AROUND_THE_INJECTION = (("before", 8), ("lost", 8))
TROUBLES = [
    *((error, half) for error in ERRORS for half in (1, 0)),
    ("stale", 0),
    ("hidden", 0),
    ("repeated", 0),
    ("two", 0),
]


@pytest.mark.timeout(600)
def test_kills_around_the_injection_of_every_fault_leave_the_world_as_before(fleet):
    assert fleet.learn() == {}
    for moment, number in AROUND_THE_INJECTION:
        assert fleet.round(moment, number) == {}
        assert set(fleet.last.hits) == set(OWNERS)
        assert {*fleet.last.injected, STORE} == set(OWNERS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("bug", "owner", "write", "said"),
    [
        ("inject_first", "auroraFailover", "FailoverDBCluster", "injected 2 times"),
        ("blind", "auroraFailover", "FailoverDBCluster", "injected 2 times"),
    ],
)
def test_a_seeded_bug_is_found_in_the_process(fleet, bug, owner, write, said):
    assert fleet.learn((owner,)) == {}
    fleet.kill()
    fleet.seed_bug(bug)
    problems = fleet.round("lost", 1, (owner,), among=write)
    assert fleet.last.hits == {owner: write}
    assert said in str(problems)


@pytest.mark.timeout(5400)
def test_every_write_and_every_trouble_leaves_the_world_as_before(fleet, pytestconfig, capsys):
    if not pytestconfig.getoption("--all-writes", default=False):
        pytest.skip("only with --all-writes: it takes most of an hour")
    table = Table(pytestconfig.rootpath / ".cache" / "crash.json", capsys)
    table.add("undisturbed", 0, {}, fleet.learn(), fleet.last.injected)
    for moment in KILLS:
        owners, number = OWNERS, 0
        while owners and number < WRITES_OF_A_RUN:
            number += 1
            problems = fleet.round(moment, number, owners)
            table.add(moment, number, fleet.last.hits, problems, fleet.last.injected)
            owners = tuple(owner for owner in owners if owner in fleet.last.hits)
    for trouble, half in TROUBLES:
        problems = fleet.round(trouble, half)
        hits = fleet.last.hits if trouble in ERRORS else dict.fromkeys(OWNERS, trouble)
        table.add(trouble, half, hits, problems, fleet.last.injected)
        assert fleet.last.hits or fleet.last.troubled or trouble == "two"
    assert table.failures == []
    for moment in KILLS:
        assert min(table.plans[moment, owner] for owner in OWNERS) >= FEWEST


class Table:
    """What was tried; a plan is one trouble at one write of one owner."""

    def __init__(self, path, capsys):
        self._path, self._capsys = path, capsys
        self._began = time.monotonic()
        self.plans, self.injected = Counter(), Counter()
        self.rounds, self.failures = 0, []

    def add(self, trouble, number, hits, problems, injected):
        """Note a round, and write the table anew."""
        self.rounds += 1
        self.plans.update((trouble, owner) for owner in hits)
        self.injected[trouble] += len(injected)
        self.failures += [f"{trouble} {number}, {who}: {what}" for who, what in problems.items()]
        seconds = round(time.monotonic() - self._began)
        rows = {}
        for (kind, owner), count in sorted(self.plans.items()):
            rows.setdefault(kind, {})[owner] = count
        total = self.plans.total()
        document = {
            "plans": total,
            "failures": len(self.failures),
            "seconds": seconds,
            "rounds": self.rounds,
            "byTrouble": {kind: sum(row.values()) for kind, row in rows.items()},
            "injectedByTrouble": dict(self.injected),
            "byTroubleAndOwner": rows,
            "found": self.failures,
        }
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(document, indent=1) + "\n")
        said = f"{len(hits)} hit, {len(injected)} injected"
        said += f"; {total} plans, {len(self.failures)} failures"
        with self._capsys.disabled():
            sys.stdout.write(f"\n{seconds:6} s  {trouble} {number or ''}: {said}")
            for who, what in problems.items():
                sys.stdout.write(f"\n          {who}: {what[:600]}")
            sys.stdout.flush()
