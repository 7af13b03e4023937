"""`python -m dev.terraform.actions [--check]`: the services' IAM statements, from their code.

Called by `make generate` and `make check`. A service's calls are those in its own package and in
the parts of cafe_kit that it imports, followed name by name. What they may touch is declared in
`USES`; a call whose AWS service has no resource there is an error, so code cannot outgrow its
policy unseen. The module terraform/modules/operator-access turns the names into ARNs.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.session import Session

from dev.system import ROOT, ProblemError, main

OUTPUT = Path("terraform/modules/operator-access/services.json")
KIT = "cafe_kit"
PACKAGES = {
    "order": "cafe_order",
    "menu": "cafe_menu",
    "inventory": "cafe_inventory",
    "loyalty": "cafe_loyalty",
    "payment-processor": "cafe_payments",
    "analytics-worker": "cafe_analytics",
    "storefront": "cafe_storefront",
}
TESTING = "fake"
#: Where an operation of one word (`query`) is meant as such: others are told by their names alone.
CALLERS = ("call", "_call")
#: A transaction has no action of its own: it needs those of its parts.
TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
BATCHES = {
    "send_message_batch": "SendMessage",
    "delete_message_batch": "DeleteMessage",
    "change_message_visibility_batch": "ChangeMessageVisibility",
}
#: What only who takes messages out of a queue may do.
CONSUMING = {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"}
INDEXED = {"Query"}


@dataclass(frozen=True)
class Uses:
    """The tables, streams and queues of one service, by their names."""

    tables: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()


USES = {
    "order": Uses(
        # and the tables and queues that the operator makes for stores
        tables=("cloudcafe-orders", "cloudcafe-store-*"),
        streams=("cloudcafe-order-events",),
        consumes=("cloudcafe-payment-results.fifo",),
        sends=(
            "cloudcafe-payments.fifo",
            "cloudcafe-payment-results-dlq.fifo",
            "cloudcafe-*-orders.fifo",
        ),
    ),
    "menu": Uses(),
    "inventory": Uses(tables=("cloudcafe-inventory",), streams=("cloudcafe-stock-events",)),
    "loyalty": Uses(streams=("cloudcafe-order-events",), sends=("cloudcafe-loyalty-dlq",)),
    "payment-processor": Uses(
        tables=("cloudcafe-payments",),
        consumes=("cloudcafe-payments.fifo",),
        sends=("cloudcafe-payment-results.fifo", "cloudcafe-payments-dlq.fifo"),
    ),
    "analytics-worker": Uses(
        streams=("cloudcafe-order-events",), sends=("cloudcafe-analytics-dlq",)
    ),
    # the queues that the operator makes for stores
    "storefront": Uses(consumes=("cloudcafe-*-orders.fifo",)),
}


def statements(root: Path = ROOT) -> dict[str, list[dict[str, Any]]]:
    """Return each service's statements: sid, actions, and what they touch by `kind/name`."""
    return {name: list(_statements(name, actions(root, name))) for name in PACKAGES}


def actions(root: Path, service: str) -> set[tuple[str, str]]:
    """Return what a service's code calls, as (AWS service, IAM action)."""
    package = PACKAGES[service]
    sources = Sources(root)
    modules = sources.reached(package)
    called = {one for module in modules for one in _calls(sources.tree(module))}
    known = {word for _, word in called}
    found = {
        (aws, action)
        for aws, operation in called
        for action in _actions(operation, [sources.tree(module) for module in modules])
    }
    if "transact_write_items" in known and ("dynamodb", "PutItem") not in found:
        raise ProblemError(
            f"{service} writes transactions, but of what? See TRANSACTION in {__file__}"
        )
    return found


class Sources:
    """The services' modules, by their dotted names."""

    def __init__(self, root: Path) -> None:
        self._files = {
            ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
            for source in root.glob("services/*/src")
            for path in source.rglob("*.py")
            if TESTING not in path.stem
        }

    @cache  # noqa: B019 - one object a run
    def tree(self, module: str) -> ast.Module:
        """Return what is written there."""
        return ast.parse(self._files[module].read_text())

    def reached(self, package: str) -> list[str]:
        """Return the package's modules, and those of the kit that they import, to the last."""
        pending = [name for name in self._files if name.split(".")[0] == package]
        if not pending:
            raise ProblemError(f"no source of {package} under services/*/src")
        seen: set[str] = set()
        while pending:
            module = pending.pop()
            if module in seen:
                continue
            seen.add(module)
            pending += [self._home(*one) for one in self._imports(module)]
        return sorted(seen)

    def _imports(self, module: str) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self.tree(module)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == KIT:
                for alias in node.names:
                    yield str(node.module), alias.name

    def _home(self, module: str, name: str) -> str:
        """Return where a name comes from, also where the module only passes it on."""
        if f"{module}.{name}" in self._files:
            return f"{module}.{name}"
        for source, imported in self._imports(module):
            if imported == name:
                return self._home(source, name)
        return module


def _calls(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The operations that a module's calls name; the AWS service is the module's own."""
    services = {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) == "call" and node.args
        if isinstance(node.args[0], ast.Constant) and node.args[0].value in _SERVICES
    } or set(_SERVICES)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        words = [one.value for one in node.args if isinstance(one, ast.Constant)]
        if _name(node.func) not in CALLERS:
            words = [word for word in words if "_" in str(word)]
        named = services & {str(word) for word in words}
        for word in words:
            for aws in named or services:
                if word in operations(aws):
                    yield aws, str(word)


def _actions(operation: str, trees: Sequence[ast.Module]) -> Iterator[str]:
    if operation == "transact_write_items":
        keys = {
            key.value
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Constant)
        }
        yield from (action for part, action in TRANSACTION.items() if part in keys)
    elif operation in BATCHES:
        yield BATCHES[operation]
    else:
        yield "".join(word.capitalize() for word in operation.split("_"))


_SERVICES = ("cloudwatch", "dynamodb", "kinesis", "sqs")


@cache
def operations(service: str) -> frozenset[str]:
    """Return what boto3 can do there, by its own names."""
    names = Session().get_service_model(service).operation_names
    return frozenset(xform_name(name) for name in names)


def _statements(service: str, called: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    uses = USES[service]
    by_aws: dict[str, set[str]] = {}
    for aws, action in called:
        by_aws.setdefault(aws, set()).add(action)
    receiving = by_aws.get("sqs", set()) & CONSUMING
    # who passes on what it took looks up both kinds of queue
    looking = (by_aws.get("sqs", set()) & {"GetQueueUrl"}) if receiving else set()
    tables = [f"table/{name}" for name in uses.tables]
    rows = [
        ("Metrics", "cloudwatch", by_aws.get("cloudwatch", set()), ["namespace/CloudCafe"]),
        ("Tables", "dynamodb", by_aws.get("dynamodb", set()) - INDEXED, tables),
        (
            "Indexes",
            "dynamodb",
            by_aws.get("dynamodb", set()) & INDEXED,
            [*tables, *(f"{table}/index/ledger" for table in tables)],
        ),
        ("Streams", "kinesis", by_aws.get("kinesis", set()), _named("stream", uses.streams)),
        ("Taken", "sqs", receiving | looking, _named("queue", uses.consumes)),
        ("Sent", "sqs", by_aws.get("sqs", set()) - CONSUMING, _named("queue", uses.sends)),
    ]
    for sid, aws, named, resources in rows:
        if not named:
            continue
        if not resources:
            raise ProblemError(
                f"{service} calls {aws}: {', '.join(sorted(named))}, but USES gives it nothing"
            )
        yield {
            "sid": sid,
            "actions": sorted(f"{aws}:{action}" for action in named),
            "resources": resources,
        }


def _named(kind: str, names: Sequence[str]) -> list[str]:
    return [f"{kind}/{name}" for name in names]


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def text(found: Mapping[str, Any]) -> str:
    """Return the file."""
    return json.dumps(found, indent=2) + "\n"


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.terraform.actions", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where the file is stale")
    check = parser.parse_args().check
    made, file = text(statements()), ROOT / OUTPUT
    if not check:
        file.write_text(made)
        sys.stdout.write(f"{OUTPUT}\n")
    elif not file.exists() or file.read_text() != made:
        raise ProblemError(f"{OUTPUT} is stale: run `make generate`")


if __name__ == "__main__":
    main(_command)
