"""The operator's process gets SIGKILL at writes through real HTTP, to real APIs."""

import itertools
import sys
import time

import pytest

from tests.crash.processes import INJECTING

pytestmark = [pytest.mark.integration, pytest.mark.slow]
AURORA, DYNAMODB = "auroraFailover", "dynamodbThrottle"
WRITES_OF_A_RUN = 40  # more than there are: a sweep ends where its write was not reached
NUMBERS = itertools.count(1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", [AURORA, DYNAMODB])
def test_a_kill_right_after_the_injection_is_taken_up_and_undone(rig, fault):
    assert rig.run(fault, "killed", 1, "after", INJECTING) == ""
    assert rig.trap.hit in INJECTING


@pytest.mark.timeout(240)
def test_an_operator_that_injects_before_it_records_is_found(rig):
    rig.seed_bug()
    assert "injected 2 times" in rig.run(AURORA, "seeded", 1, "after", INJECTING)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fault", [AURORA, DYNAMODB])
def test_a_kill_at_every_write_leaves_the_world_as_before(rig, fault, moment, pytestconfig, capsys):
    if not pytestconfig.getoption("--all-writes", default=False):
        pytest.skip("only with --all-writes: it takes half an hour")
    failures, began = [], time.monotonic()
    for number in range(1, WRITES_OF_A_RUN):
        problem = rig.run(fault, f"plan-{next(NUMBERS)}", number, moment)
        if not rig.trap.hit and not problem:
            break
        plan = f"{fault}, {moment} write {number} ({rig.trap.hit}): {problem or 'as before'}"
        failures += [plan] if problem else []
        with capsys.disabled():
            sys.stdout.write(f"\n{time.monotonic() - began:6.0f} s  {plan}")
    assert failures == []
    assert number > 10
