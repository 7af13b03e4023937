"""Printing tables the way kubectl does: as wide as they need to be.

A line that a terminal wraps can still be read, and a pipe has no width; a name that was cut cannot.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_NO_LIMIT = 10_000


def print_whole(console: Console, table: Table) -> None:
    """Print a table with nothing cut or folded, whatever the width of the terminal."""
    for column in table.columns:
        column.no_wrap = True
    options = console.options.update(max_width=_NO_LIMIT)
    needed = console.measure(table, options=options).maximum
    wide = Console(
        file=console.file, force_terminal=console.is_terminal, width=max(console.width, needed)
    )
    wide.print(table)
