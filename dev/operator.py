"""What helm must mind of a running operator. Used by `dev.deploy` and `dev.release`.

Before the chart goes, the operator has runs and stores to take away: without it a fault in force
would stay so, and each store's queues, secret, alarms and table would go on costing money.
"""

from __future__ import annotations

from collections.abc import Callable

from dev.steps import step

#: It holds minReplicas of autoscalers; at its next look it puts its own value back.
OVER_THE_OPERATOR = ("--server-side=true", "--force-conflicts")
DEFINITIONS = ("get", "customresourcedefinitions", "-o", "name")
OURS = "cafestores.cloudcafe.dev"
DELETE = (
    *("delete", "chaosexperiments,chaosruns,cafestores", "--all", "--all-namespaces"),
    *("--ignore-not-found", "--timeout=15m"),
)


def farewell(kubectl: Callable[..., str], *, rehearse: bool = False) -> None:
    """Have all runs undone and all stores taken apart; ends with an error where one does not go.

    `kubectl` runs it on the cluster and returns what it says.
    """
    if not rehearse and OURS not in kubectl(*DEFINITIONS):
        return
    with step("undo all runs and take all stores apart (kubectl get cafestores,chaosruns -A)"):
        kubectl(*DELETE)
