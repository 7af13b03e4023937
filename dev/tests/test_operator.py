"""Before the chart goes, its operator takes away what is its own."""

import pytest

from dev.operator import DEFINITIONS, DELETE, farewell


class Kubectl:
    """A cluster that serves these definitions."""

    def __init__(self, *definitions, stuck=False):
        self.definitions, self.stuck, self.asked = definitions, stuck, []

    def __call__(self, *words):
        self.asked.append(words)
        if words == DEFINITIONS:
            return "\n".join(self.definitions)
        if self.stuck:
            raise RuntimeError("timed out waiting for the condition")
        return ""


def test_runs_and_stores_are_waited_for():
    kubectl = Kubectl("customresourcedefinition.apiextensions.k8s.io/cafestores.cloudcafe.dev")
    farewell(kubectl)
    assert kubectl.asked == [DEFINITIONS, DELETE]


def test_a_cluster_without_our_kinds_has_nothing_to_take_away():
    kubectl = Kubectl("customresourcedefinition.apiextensions.k8s.io/certificates.cert-manager.io")
    farewell(kubectl)
    assert kubectl.asked == [DEFINITIONS]


def test_who_does_not_go_ends_it_before_the_operator_goes():
    kubectl = Kubectl("cafestores.cloudcafe.dev", stuck=True)
    with pytest.raises(RuntimeError, match="timed out"):
        farewell(kubectl)


def test_a_rehearsal_shows_the_command_and_asks_nobody():
    kubectl = Kubectl()
    farewell(kubectl, rehearse=True)
    assert kubectl.asked == [DELETE]
