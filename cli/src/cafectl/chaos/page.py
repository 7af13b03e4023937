"""A run as one HTML page: self-contained, offline, the same bytes for the same run. Pure.

No script and nothing fetched: the page can be mailed, kept as evidence, and printed.
"""

from __future__ import annotations

import json

import yaml

from cafectl.chaos.duration import clock, seconds, short
from cafectl.chaos.explain import remedy
from cafectl.chaos.history import History
from cafectl.chaos.html import Html, details, joined, section, table, tag, text
from cafectl.chaos.plot import timeline
from cafectl.chaos.record import Entry, Step, Window
from cafectl.chaos.story import story
from cafectl.chaos.style import STYLE
from cafectl.chaos.trend import trend
from cafectl.chaos.view import Run, faults_of

LEGEND = (
    ("good", "served"),
    ("delayed", "accepted, but too slow"),
    ("refused", "refused, on the top line"),
    ("swatch force", "a fault is in force"),
    ("line act", "injected"),
    ("line bad", "noticed"),
    ("line undo", "undo begins"),
    ("line ok", "recovered"),
    ("swatch gap", "no samples"),
)
#: Escaping keeps scripts out; should it ever fail, a browser runs and fetches nothing all the same.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HOW_TO_READ = (
    "Times count from the start of the run. Users are served again when every probe has three good "
    "samples in a row and no bad one after them, and every target is whole. For faults that happen "
    "at once (a kill, a failover) recovery counts from the injection, for all others from the "
    "start of the undo. The journal is written before anything is touched; undone means that "
    "it was read back."
)


def page(run: Run, history: History | None = None) -> str:
    """Return the whole page."""
    title = f"{run.experiment}: {run.status.verdict or run.status.phase}"
    parts = [
        _head(run),
        _figures(run),
        _timeline(run),
        _recovery(run),
        _history(history),
        _touched(run),
        _books(run),
        _journal(run),
        _spec(run),
    ]
    body = tag("main", joined(parts), tag("footer", tag("p", HOW_TO_READ)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _head(run: Run) -> Html:
    status = run.status
    verdict = status.verdict or ("Preview" if run.is_preview else status.phase)
    began = status.started_at.strftime("%Y-%m-%d %H:%M:%S UTC") if status.started_at else "not yet"
    took = short(run.offset(status.finished_at))
    facts = [("Run", f"{run.namespace}/{run.name}"), ("Began", began), ("Took", took)]
    facts += [("By", run.created_by or "unknown"), ("Faults", ", ".join(run.faults))]
    if run.template.get("seed") is not None:
        facts.append(("Seed", str(run.template["seed"])))
    shown = joined(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts)
    advice = remedy(run)
    return tag(
        "header",
        tag("p", "Chaos run", style="kind"),
        tag("h1", run.experiment, " ", tag("span", verdict, style=f"verdict {verdict}")),
        tag("p", status.message or "The run is not finished.", style="why"),
        tag("p", advice, style="remedy") if advice else "",
        tag("blockquote", run.template.get("hypothesis", "")),
        tag("dl", shown),
    )


def _figures(run: Run) -> Html:
    """Show the worst step's figures large."""
    begun = [step for step in run.steps if step.injected_at]
    if not begun:
        return Html()
    measures = [step.measures for step in begun]

    def worst(name: str) -> float | None:
        known = [getattr(one, name) for one in measures]
        return max((value for value in known if value is not None), default=None)

    noticed = worst("noticed_after")
    share = max(one.during.failed_percent for one in measures)
    tiles = [
        ("In force after", short(worst("in_force_after")), ""),
        ("Noticed after", "not noticed" if noticed is None else short(noticed), ""),
        ("Recovered after", short(run.recovery()), _objectives(run, begun)),
        ("Undone after", short(worst("undone_after")), ""),
        ("Failed until recovered", f"{share:g} %", "of all samples"),
    ]
    orders = sum(one.orders_refused for one in measures)
    delayed = sum(one.orders_delayed for one in measures)
    tiles.append(("Orders refused", str(orders), f"{delayed} delayed"))
    burnt = worst("budget_burnt_percent")
    if burnt is not None:
        tiles.append(("Error budget burnt", f"{burnt:g} %", "of the objective's window"))
    shown = joined(
        tag("div", tag("b", value), tag("span", name), tag("small", more), style="tile")
        for name, value, more in tiles
    )
    return tag("div", shown, style="tiles")


def _objectives(run: Run, steps: list[Step]) -> str:
    within = max((run.objective(step) for step in steps), key=seconds)
    return f"objective {within}"


def _timeline(run: Run) -> Html:
    plot = timeline(run)
    if not plot:
        return Html()
    legend = joined(
        tag("li", tag("i", style=f"key {style}"), " ", meaning) for style, meaning in LEGEND
    )
    troubles = [
        tag("li", tag("b", probe.name), f" last met: {probe.trouble}")
        for probe in run.probes
        if probe.trouble
    ]
    more = tag("ul", joined(troubles), style="troubles") if troubles else ""
    figure = tag("figure", Html(plot), tag("ul", legend, style="legend"))
    return section("What the probes saw", figure, more)


def _recovery(run: Run) -> Html:
    if not any(step.injected_at for step in run.steps):
        return Html()
    headings = ["Step", "Faults", "Objective", "In force", "Noticed", "Recovered", "Outage"]
    headings += ["Undone", "Orders refused / delayed"]
    users = [("before", "Before"), ("during", "During"), ("after", "After")]
    windows = []
    rows = []
    for step in run.steps:
        found = step.measures
        faults = ", ".join(faults_of(run.spec_of(step)))
        times = [short(one) for one in (found.in_force_after, found.noticed_after)]
        later = [short(one) for one in (found.outage, found.undone_after)]
        orders = f"{found.orders_refused} / {found.orders_delayed}"
        recovered = _met(run, step)
        rows.append([step.name, faults, run.objective(step), *times, recovered, *later, orders])
        windows += [[step.name, name, *_window(getattr(found, key))] for key, name in users]
    shares = table(["Step", "When", "Samples", "Failed", "p50 of good", "p99 of good"], windows)
    return section("Recovery", table(headings, rows), tag("h3", "What users met"), shares)


def _met(run: Run, step: Step) -> Html:
    took = step.measures.recovered_after
    if step.injected_at is None:
        return text("-")
    if took is None or step.recovered_at is None:
        return tag("span", "not seen", style="missed")
    met = took <= seconds(run.objective(step))
    return tag("span", short(took), style="met" if met else "missed")


def _window(found: Window) -> list[str]:
    if not found.samples:
        return ["0", "-", "-", "-"]
    times = [found.p50_milliseconds, found.p99_milliseconds]
    shown = ["-" if one is None else f"{one} ms" for one in times]
    return [str(found.samples), f"{found.failed_percent:g} %", *shown]


def _history(history: History | None) -> Html:
    if history is None or len(history.runs) < 2:  # noqa: PLR2004 - one run has no history
        return Html()
    said = [tag("p", f"Regression: {one}.", style="missed") for one in history.regressions]
    enough = history.interval
    if enough:
        said.append(tag("p", enough.sentence))
    return section("Earlier runs", *said, Html(trend(history)), tag("p", history.remark))


def _touched(run: Run) -> Html:
    if not run.status.journal:
        return section("What was touched", tag("p", "Nothing."))
    headings = ["Fault", "Target", "State", "Injected", "In force", "Undone", "Whole", "Remark"]
    rows = [_entry(run, entry) for entry in run.status.journal]
    saved = [
        details(
            f"{entry.fault} on {entry.target.name}: what was captured before, and put in place",
            tag("pre", _json({"captured": entry.captured, "injected": entry.injected})),
        )
        for entry in run.status.journal
    ]
    return section("What was touched", table(headings, rows, style="touched"), joined(saved))


def _entry(run: Run, entry: Entry) -> list[object]:
    target = tag("span", entry.target.name, tag("small", entry.target.id))
    moments = (entry.injected_at, entry.in_force_at, entry.undone_at, entry.healthy_at)
    offsets = map(run.offset, moments)
    times = [tag("time", "-" if at is None else clock(at)) for at in offsets]
    state = tag("span", entry.state, style=f"state {entry.state}")
    return [entry.fault, target, state, *times, entry.trouble or entry.detail]


def _books(run: Run) -> Html:
    if not run.status.books:
        return Html()
    rows = [
        [one.probe, one.outcome, one.orders, one.findings, one.message] for one in run.status.books
    ]
    return section("The books", table(["Probe", "Outcome", "Orders", "Findings", "Message"], rows))


def _journal(run: Run) -> Html:
    rows = [
        [tag("time", clock(one.at)), tag("b", one.word, style=one.tone), one.text]
        for one in story(run)
    ]
    return section("Journal", table(["At", "What", ""], rows, style="journal"))


def _spec(run: Run) -> Html:
    written = yaml.safe_dump(run.template, sort_keys=False, allow_unicode=True, width=100)
    return section(
        "The experiment", details("As it was when the run was made", tag("pre", written))
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
