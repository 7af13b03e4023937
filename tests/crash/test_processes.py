"""The operator's process gets SIGKILL at every write of all faults and of a store's life.

It runs between proxies to a real API server and to the embedded AWS; `make crash` tries every
write, `make test` a few.
"""

import pytest

from tests.crash.owners import OWNERS, STORE
from tests.crash.table import Table
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


@pytest.mark.timeout(1200)
def test_kills_around_the_injection_of_every_fault_leave_the_world_as_before(fleet):
    assert fleet.learn() == {}
    for moment, number in AROUND_THE_INJECTION:
        assert fleet.round(moment, number) == {}
        assert set(fleet.last.hits) == set(OWNERS), fleet.last.verdicts
        assert {*fleet.last.injected, STORE} == set(OWNERS), fleet.last.verdicts


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("bug", "owner", "write", "said"),
    [
        ("inject_first", "auroraFailover", "FailoverDBCluster", "injected 2 times"),
        ("blind", "auroraFailover", "FailoverDBCluster", "injected 2 times"),
        ("in_memory", "dynamodbThrottle", "UpdateTable", "world: tables"),
    ],
)
def test_a_seeded_bug_is_found_in_the_process(fleet, bug, owner, write, said):
    assert fleet.learn((owner,)) == {}
    fleet.kill()
    fleet.seed_bug(bug)
    problems = fleet.round("lost", 1, (owner,), among=write)
    assert fleet.last.hits == {owner: write}
    assert said in str(problems)


@pytest.mark.timeout(600)
def test_two_operators_without_fencing_and_claims_are_found(fleet):
    owner, write = ("lambdaConcurrencyZero",), "PUT /2017-10-31/functions/it/concurrency"
    assert fleet.learn(owner) == {}
    fleet.kill()
    for operator in (fleet.operator, fleet.second):
        operator.environment["CRASH_BUG"] = "unfenced"
    fleet.operator.start()  # both must be there when the run begins
    assert "injected 2 times" in str(fleet.round("two", 0, owner, among=write))


@pytest.mark.timeout(5400)
def test_every_write_and_every_trouble_leaves_the_world_as_before(
    share, fleet, pytestconfig, capsys
):
    share, shares = share
    kinds = [kind for kind in pytestconfig.getoption("--kinds").split(",") if kind]
    path = pytestconfig.rootpath / ".cache" / f"crash-{share}-of-{shares}.json"
    table = Table(path, capsys)
    table.add("undisturbed", 0, {}, fleet.learn(), fleet.last.injected)
    kills = [moment for moment in KILLS if moment in kinds or not kinds]
    for moment in kills:
        owners, number = OWNERS, share
        while owners and number < WRITES_OF_A_RUN:
            problems = fleet.round(moment, number, owners)
            table.add(moment, number, fleet.last.hits, problems, fleet.last.injected)
            owners = tuple(owner for owner in owners if owner in fleet.last.hits)
            number += shares
    troubles = [one for one in TROUBLES if one[0] in kinds or not kinds]
    for trouble, half in troubles[share - 1 :: shares]:
        problems = fleet.round(trouble, half)
        hits = fleet.last.hits if trouble in ERRORS else dict.fromkeys(OWNERS, trouble)
        table.add(trouble, half, hits, problems, fleet.last.injected)
        assert fleet.last.hits or fleet.last.troubled or trouble == "two"
    assert table.failures == []
    for moment in kills:
        assert min(table.plans[moment, owner] for owner in OWNERS) >= FEWEST // shares
