"""Two Lambda functions: the payment processor has a reservation, the other one has none."""

from __future__ import annotations

from typing import Any

from cloudcafe_operator.errors import NotFound

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:"
PAYMENTS, OTHER = "cloudcafe-payment-processor", "cloudcafe-receipts"
FAULTS = {"lambdaConcurrencyZero": {"selector": {"names": [PAYMENTS]}}}
RARE_ACTIONS = {"lambda:DeleteFunctionConcurrency"}  # where there was no reservation


class Functions:
    """Reserved concurrency by function; None is no reservation."""

    def __init__(self) -> None:
        self.reserved: dict[str, int | None] = {PAYMENTS: 20, OTHER: None}
        self.stopped = 0

    def tagged(self) -> dict[str, Any]:
        """What GetResources shows of them."""
        return {ARN + name: TAGS for name in self.reserved}

    def get(self, FunctionName: str) -> dict[str, Any]:
        """GetFunctionConcurrency."""
        number = self._known(FunctionName)
        return {} if number is None else {"ReservedConcurrentExecutions": number}

    def put(self, FunctionName: str, ReservedConcurrentExecutions: int) -> dict[str, Any]:
        """PutFunctionConcurrency."""
        self._known(FunctionName)
        self.stopped += ReservedConcurrentExecutions == 0
        self.reserved[FunctionName] = ReservedConcurrentExecutions
        return {}

    def delete(self, FunctionName: str) -> dict[str, Any]:
        """DeleteFunctionConcurrency."""
        self._known(FunctionName)
        self.reserved[FunctionName] = None
        return {}

    def state(self) -> dict[str, Any]:
        """What must be as before."""
        return dict(self.reserved)

    def injections(self) -> dict[str, int]:
        """How often one was stopped."""
        return {"lambdaConcurrencyZero": self.stopped}

    def _known(self, name: str) -> int | None:
        if name not in self.reserved:
            raise NotFound(f"function {name} not found")
        return self.reserved[name]


def build(world: Any) -> Functions:
    """Answer the calls of a world."""
    functions = Functions()
    world.aws.on("lambda", "get_function_concurrency", functions.get)
    world.aws.on("lambda", "put_function_concurrency", functions.put)
    world.aws.on("lambda", "delete_function_concurrency", functions.delete)
    return functions
