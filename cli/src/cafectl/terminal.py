"""The terminal as this program writes to it: every command prints through here, and only so.

What is printed comes from objects that users name and from services. So no text is read as
markup (`[link=…]`, and `[/]` would even end the program), and whatever would steer the terminal
is replaced at the last moment before it is written, on whichever way it came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from cafectl.plain import line, printable

NO_LIMIT = 10_000


class Terminal(Console):
    """Takes words as words; styles are given as Text."""

    def __init__(
        self,
        *,
        stderr: bool = False,
        file: IO[str] | None = None,
        width: int | None = None,
        force_terminal: bool | None = None,
        record: bool = False,
    ) -> None:
        super().__init__(
            stderr=stderr,
            file=file,
            width=width,
            force_terminal=force_terminal,
            record=record,
            markup=False,
            emoji=False,
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Replace what would steer the terminal in all that is not rich's own control code."""
        for one in super().render(renderable, options):
            text = one.text
            yield one if one.control or text.isprintable() else one._replace(text=printable(text))

    def trouble(self, head: str, what: object) -> None:
        """Print why something could not be done, on one line."""
        self.print(Text.assemble((line(head), "red"), f": {line(str(what))}"), soft_wrap=True)


class Rows(Table):
    """A table whose every row is one line: a cell cannot make up the next row."""

    def add_row(
        self,
        *cells: RenderableType | None,
        style: StyleType | None = None,
        end_section: bool = False,
    ) -> None:
        """Add a row; a cell is a string or a Text."""
        super().add_row(*map(_on_one_line, cells), style=style, end_section=end_section)


def print_whole(console: Terminal, table: Table) -> None:
    """Print a table the way kubectl does: nothing cut or folded, whatever the terminal's width.

    A line that a terminal wraps can still be read, and a pipe has no width; a cut name cannot.
    """
    for column in table.columns:
        column.no_wrap = True
    options = console.options.update(max_width=NO_LIMIT)
    needed = console.measure(table, options=options).maximum
    wide = Terminal(
        file=console.file, force_terminal=console.is_terminal, width=max(console.width, needed)
    )
    wide.print(table)


def _on_one_line(cell: RenderableType | None) -> RenderableType | None:
    if isinstance(cell, str):
        return Text(line(cell))
    if isinstance(cell, Text) and not cell.plain.isprintable():
        return Text(line(cell.plain), style=cell.style, overflow=cell.overflow)
    return cell
