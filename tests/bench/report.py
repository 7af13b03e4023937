"""The figures as a table, and the targets beside what was reached. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.table import Table

from tests.bench.changes import APART, STEADY
from tests.bench.contenders import MINIMAL, OURS, YARDSTICK

Results = Mapping[str, Mapping[str, Mapping[str, float]]]
MOST_AWS_CALLS_PER_MINUTE = 240
LEAST_LISTED = 100  # on one page of AWS's listings
RESOURCES = 7  # that are listed for a kiosk: tags of 2 queues and 2 alarms, a secret, 2 alarms
READ_AT_ONCE = 330.0  # settings of queues, and what each list takes however short it is


def table(found: Results, stores: int) -> Table:
    """Return all figures, one row each."""
    made = Table("scenario", "figure", *found, title=f"{stores} stores")
    scenarios = {scenario: None for figures in found.values() for scenario in figures}
    for scenario in scenarios:
        rows = {row: None for one in found.values() for row in one.get(scenario, {})}
        for row in rows:
            if row != "stores":
                values = [_text(one.get(scenario, {}).get(row)) for one in found.values()]
                made.add_row(scenario, row, *values)
        made.add_section()
    return made


@dataclass(frozen=True)
class Target:
    """What must hold; `reached` reads it from the results."""

    text: str
    limit: float
    reached: Callable[[Results], float]
    least: bool = False

    def row(self, found: Results) -> tuple[str, str, str, str]:
        """Return it with what was reached."""
        try:
            got = self.reached(found)
        except KeyError:
            return self.text, _text(self.limit), "not measured", ""
        holds = got >= self.limit if self.least else got <= self.limit
        return self.text, _text(self.limit), _text(got), "yes" if holds else "NO"


def _ratio(scenario: str, figure: str, of: str) -> Callable[[Results], float]:
    return lambda found: found[OURS][scenario][figure] / found[of][scenario][figure]


def _ours(scenario: str, figure: str) -> Callable[[Results], float]:
    return lambda found: found[OURS][scenario][figure]


TARGETS = (
    Target("queue wait p99, create, s", 1.0, _ours("create", "queue p99 s")),
    Target("queue wait p99, 300 changes a second, s", 1.0, _ours("change", "queue p99 s")),
    Target("update → Ready p99, 300 changes a second, s", 5.0,
           _ours("change", "update → Ready p99 s")),
    Target(f"queue wait p99, {STEADY} changes a second, s", 1.0,
           _ours("steady change", "queue p99 s")),
    Target(f"update → Ready p99, {STEADY} changes a second, s", 5.0,
           _ours("steady change", "update → Ready p99 s")),
    Target("queue wait p99, 300 changes a second, API server apart, s", 1.0,
           _ours(APART, "queue p99 s")),
    Target("update → Ready p99, 300 changes a second, API server apart, s", 5.0,
           _ours(APART, "update → Ready p99 s")),
    Target("objects/s, of the yardstick's (create)", 2.0,
           _ratio("create", "objects/s", YARDSTICK), least=True),
    Target("objects/s, of the yardstick's (cold start)", 2.0,
           _ratio("cold start", "objects/s", YARDSTICK), least=True),
    Target("CPU an object, of the yardstick's", 0.5,
           _ratio("create", "CPU ms/object", YARDSTICK)),
    Target("memory, of the yardstick's", 0.6, _ratio("idle", "RSS MiB", YARDSTICK)),
    Target("objects/s, of the minimal client's (create)", 0.7,
           _ratio("create", "objects/s", MINIMAL), least=True),
    Target("CPU of a reconcile with nothing to do, ms", 1.0, _ours("touch", "CPU ms/object")),
    Target("writes of a reconcile with nothing to do", 0.0, _ours("touch", "writes")),
    Target("CPU of a look at all that a store has, ms", 1.0, _ours("looks", "CPU ms/look")),
    Target("writes with nothing to do", 0.0, _ours("idle", "writes")),
    Target("writes of a restart with nothing to do", 0.0, _ours("restart", "writes")),
    Target("AWS calls a minute, idle", MOST_AWS_CALLS_PER_MINUTE, _ours("idle", "AWS calls/min")),
    Target("AWS reads of a restart, beyond a page for each hundred", READ_AT_ONCE,
           lambda found: found[OURS]["restart"]["AWS reads"]
           - RESOURCES * found[OURS]["restart"]["stores"] / LEAST_LISTED),
)  # fmt: skip


def verdicts(found: Results, stores: int) -> Table:
    """Return each target with what was reached."""
    made = Table("target", "limit", "reached", "holds", title=f"Targets, {stores} stores")
    for target in TARGETS:
        made.add_row(*target.row(found))
    return made


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
