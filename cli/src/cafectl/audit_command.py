"""`cafectl audit`: reads all books, says whether they balance, and ends with a code for CI."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import httpx
import typer
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import Book, BookError, Collector
from cafe_ledger.report import Report
from rich.status import Status
from rich.text import Text

from cafectl import audit as shown
from cafectl import errand
from cafectl.books import HttpBooks
from cafectl.terminal import Terminal, print_whole

console = Terminal()
problems = Terminal(stderr=True)
Read = TypeVar("Read")
LINE_SECONDS = 10.0
#: Where the books are, within the cluster; the provider is only there in the embedded tier.
WITHIN: dict[Book, str] = {
    "order": "http://order:8080",
    "inventory": "http://inventory:8080",
    "payment-processor": "http://payment-processor:8080",
    "payment-provider": "",
    "loyalty": "http://loyalty:8080",
    "analytics-worker": "http://analytics-worker:8080",
}

Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        envvar="CAFE_NAMESPACE",
        help="Where the chart is. Outside the cluster this runs as a Job there, unless addresses or"
        " the token are given.",
    ),
]
OrderUrl = Annotated[str, typer.Option(envvar="CAFE_ORDER_URL", help="The order service.")]
InventoryUrl = Annotated[str, typer.Option(envvar="CAFE_INVENTORY_URL", help="The inventory.")]
ProcessorUrl = Annotated[
    str, typer.Option(envvar="CAFE_PAYMENT_PROCESSOR_URL", help="The payment processor.")
]
ProviderUrl = Annotated[
    str,
    typer.Option(
        envvar="CAFE_PAYMENT_PROVIDER_URL",
        help="The payment provider, http://payment-provider:8080 in the embedded tier; empty: its "
        "statement is not available, and that is said.",
    ),
]
LoyaltyUrl = Annotated[str, typer.Option(envvar="CAFE_LOYALTY_URL", help="The loyalty service.")]
AnalyticsUrl = Annotated[
    str, typer.Option(envvar="CAFE_ANALYTICS_WORKER_URL", help="The analytics worker.")
]
Token = Annotated[
    str, typer.Option(envvar="CAFE_SERVICE_TOKEN", help="The service token (Secret).")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options mean."""

    urls: dict[Book, str]
    token: str
    window: Window
    timing: Timing
    quiet: bool


def audit(  # noqa: PLR0913 - each option of the command is a parameter
    *,
    namespace: Namespace = "cloudcafe",
    order_url: OrderUrl = WITHIN["order"],
    inventory_url: InventoryUrl = WITHIN["inventory"],
    processor_url: ProcessorUrl = WITHIN["payment-processor"],
    provider_url: ProviderUrl = WITHIN["payment-provider"],
    loyalty_url: LoyaltyUrl = WITHIN["loyalty"],
    analytics_url: AnalyticsUrl = WITHIN["analytics-worker"],
    token: Token = "",
    store: Annotated[str, typer.Option(help="Only this store: NAMESPACE.NAME.")] = "",
    since: Annotated[str, typer.Option(help="Orders placed since: 1h, 24h or ISO 8601.")] = "1h",
    until: Annotated[str, typer.Option(help="And before: now, 10m or ISO 8601.")] = "now",
    settle: Annotated[
        str, typer.Option(help="An order that changed less than this ago is not judged.")
    ] = "30s",
    stuck_after: Annotated[
        str, typer.Option(help="An order that has not ended after this is damage.")
    ] = "10m",
    wait: Annotated[
        str, typer.Option(help="Look again for so long while anything is under way; 0s: do not.")
    ] = "120s",
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> None:
    """Compare the books of all services: orders, charges, stock, points and analytics.

    Exit codes: 0 they balance; 1 damage; 2 it cannot be judged (a book cannot be read, or orders
    are still under way though --wait was given); 3 no orders in that time, nothing was compared.
    """
    now = datetime.now(UTC)
    urls: dict[Book, str] = {
        "order": order_url,
        "inventory": inventory_url,
        "payment-processor": processor_url,
        "payment-provider": provider_url,
        "loyalty": loyalty_url,
        "analytics-worker": analytics_url,
    }
    window = Window(_moment(since, "--since", now), _moment(until, "--until", now), store)
    if window.since >= window.until:
        raise typer.BadParameter("--since must be before --until")
    timing = Timing(
        settle=_option(shown.span, settle, "--settle"),
        stuck_after=_option(shown.span, stuck_after, "--stuck-after"),
        wait=_option(shown.span, wait, "--wait"),
    )
    if errand.outside() and not token and urls == WITHIN:
        words = _words(
            since=window.since.isoformat(),
            until="" if until == "now" else window.until.isoformat(),
            store=store,
            settle=settle,
            stuck_after=stuck_after,
            wait=wait,
        )
        books = errand.Errand(errand.BOOKS, [*words, *(["--json"] if as_json else [])])
        errand.send(namespace, books)
    asked = Asked(urls, token, window, timing, quiet=as_json)
    try:
        report = asyncio.run(_audited(asked))
    except BookError as problem:
        problems.trouble("cannot be judged", problem)
        raise typer.Exit(shown.UNKNOWN) from problem
    verdict = shown.judge(report, waited=bool(timing.wait))
    _show(report, verdict, as_json=as_json)
    raise typer.Exit(verdict.code)


def _words(**options: str) -> list[str]:
    """Return the command as somebody would type it in the cluster."""
    given = ((name.replace("_", "-"), value) for name, value in options.items() if value)
    return ["audit", *(f"--{name}={value}" for name, value in given)]


async def _audited(asked: Asked) -> Report:
    async with httpx.AsyncClient(trust_env=False) as client:
        statement = bool(asked.urls["payment-provider"])
        collector = Collector(HttpBooks(client, asked.urls, asked.token), statement=statement)
        with problems.status("reading the books", spinner="line") as status:
            tell = _on(status) if problems.is_terminal else _now_and_then()
            if asked.quiet:
                tell = _nothing
            return await Auditor(collector, asked.timing, tell=tell).audit(asked.window)


def _nothing(_: str) -> None:
    """Programs that read JSON want no progress."""


def _on(status: Status) -> Callable[[str], None]:
    return lambda text: status.update(Text(text))


def _now_and_then() -> Callable[[str], None]:
    """Progress as lines, for logs: what is new, every ten seconds at most."""
    last, due = "", time.monotonic() + LINE_SECONDS

    def tell(text: str) -> None:
        nonlocal last, due
        if text != last and time.monotonic() >= due:
            problems.print(text, highlight=False)
            last, due = text, time.monotonic() + LINE_SECONDS

    return tell


def _show(report: Report, verdict: shown.Verdict, *, as_json: bool) -> None:
    if as_json:
        told = {"verdict": verdict.sentence, "exitCode": verdict.code, **report.as_json()}
        typer.echo(json.dumps(told, indent=2))
        return
    if report.by_store():
        print_whole(console, shown.stores_table(report))
    for line in (*shown.findings_text(report), *shown.remarks(report)):
        console.print(line, highlight=False, soft_wrap=True)
    style = "green" if verdict.code == shown.BALANCED else "red"
    console.print(verdict.sentence, style=style, highlight=False, soft_wrap=True)


def _moment(text: str, name: str, now: datetime) -> datetime:
    return _option(lambda value: shown.moment(value, now), text, name)


def _option(read: Callable[[str], Read], text: str, name: str) -> Read:
    try:
        return read(text)
    except ValueError as problem:
        raise typer.BadParameter(f"{name}: {problem}") from problem
