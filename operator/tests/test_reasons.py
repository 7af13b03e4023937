"""The documented reasons are exactly those that the code can say."""

import ast
from pathlib import Path

import cloudcafe_operator
import pytest
from cloudcafe_operator import errors
from cloudcafe_operator.resources.reasons import REASONS

HERE = Path(cloudcafe_operator.__file__).parent
OF_STORES = (
    "planning/store_*.py", "planning/order_path.py", "planning/ledger.py", "effects/*_store.py"
)  # fmt: skip
SAYS = ("true", "false", "unknown")
# raised by what acts for stores; the root and the plain ones only appear in logs
ERRORS = {
    kind.reason
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.OperatorError)
} - {"Error"}


def said():
    """Return every literal reason of a judgement about stores."""
    trees = [ast.parse(path.read_text()) for glob in OF_STORES for path in HERE.glob(glob)]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SAYS:
            for one in ast.walk(node.args[1]):
                if isinstance(one, ast.Constant):
                    yield one.value


def test_every_reason_that_is_said_is_documented_and_none_else():
    assert {*said(), *ERRORS} == set(REASONS)


@pytest.mark.parametrize(
    "reason", ["AccessDenied", "ThrottledByAWS", "QuotaExceeded", "OwnedBySomeoneElse", "Drifted"]
)
def test_what_needs_a_person_has_a_remedy_of_its_own(reason):
    remedies = [one.remedy for one in REASONS.values() if one.remedy]
    assert REASONS[reason].remedy
    assert remedies.count(REASONS[reason].remedy) == 1
