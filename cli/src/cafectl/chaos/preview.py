"""What a preview found, for a terminal: targets, calls, permissions, refusals. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cafectl.chaos.record import Preview
from cafectl.chaos.view import Run
from cafectl.plain import line


def shown(run: Run) -> Iterator[RenderableType]:
    """Yield the parts; a preview that could not be made says why."""
    found = run.status.preview
    if found is None:
        yield Text(line(f"no preview: {run.status.message}"), style="red")
        return
    yield _targets(found)
    for share in found.capacity:
        left = line(f"left of {share.of}: {share.left}")
        yield Text.assemble((f"step {line(share.step)}: ", "bold"), left)
    for heading, lines in (("IAM actions", found.iam_actions), ("RBAC", found.rbac)):
        if lines:
            yield Text.assemble((f"{heading}: ", "bold"), line(", ".join(lines)))
    for why in found.refusals:
        yield Text.assemble(("refused: ", "red"), line(why))
    if found.by_chance:
        yield Text(
            "More match than are hit; which, is chance: give spec.seed, and a run hits these.",
            style="yellow",
        )
    if not found.refusals:
        number = max(found.total, len(found.targets))
        targets = "1 target" if number == 1 else f"{number} targets"
        yield Text(f"A run would hit {targets}. Nothing was touched.", style="green")


def _targets(found: Preview) -> Text:
    text = Text()
    for one in found.targets:
        text.append(f"step {line(one.step)}: ", style="bold")
        text.append(line(f"{one.fault} on {one.target}") + "\n")
        if one.group or one.capacity_left:
            left = f"left of {one.group or 'it'}: {one.capacity_left or 'unknown'}"
            text.append(f"    {line(left)}\n")
        for call in one.calls:
            text.append(f"    {line(call)}\n", style="cyan")
        if one.refused:
            text.append(f"    refused: {line(one.refused)}\n", style="red")
    return text
