"""The Go module's own tests, among them the NetworkPolicies' ruleset."""

import pytest

from dev import kube
from dev.golang import go, pinned
from dev.system import ProblemError


@pytest.mark.slow
@pytest.mark.timeout(900)  # the first time compiles the Kubernetes client
def test_the_go_tests_pass():
    assert "ok" in go(kube.MODULE, "test", "./internal/...", "./cmd/cni-policy")


def test_the_version_is_the_one_that_go_mod_pins():
    assert kube.version().startswith("v1.")


def test_a_dependency_that_is_not_pinned_is_named():
    with pytest.raises(ProblemError, match=r"does not name example\.com/none"):
        pinned(kube.MODULE, "example.com/none")
