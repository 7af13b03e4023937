"""Who tells a watched run: a live picture in a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.live import Live

from cafectl.chaos.duration import clock
from cafectl.chaos.follow import Sight, Tell
from cafectl.chaos.screen import picture
from cafectl.chaos.story import story
from cafectl.plain import line
from cafectl.terminal import Terminal


class Lines:
    """Prints each sentence of the story once, in the order in which it came to be known."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[tuple[str, str]] = set()
        self._phase = ""
        self._trouble = ""

    def __call__(self, sight: Sight) -> None:
        """Say what is new."""
        run = sight.run
        if sight.trouble != self._trouble:
            self._trouble = sight.trouble
            self._say(line(sight.trouble) or "the API server answers again")
        for one in story(run):
            if (one.word, one.text) not in self._said:
                self._said.add((one.word, one.text))
                self._say(f"{clock(one.at)} {one.word:<14} {one.text}")
        if run.status.phase != self._phase and not run.finished:
            at = run.offset(run.status.phase_since) or 0.0
            self._say(f"{clock(at)} {run.status.phase}")
        self._phase = run.status.phase


@contextmanager
def teller(console: Terminal) -> Iterator[Tell]:
    """Give what shows a watched run on this console until it is over."""
    if not console.is_terminal:
        yield Lines(lambda text: console.print(text, soft_wrap=True))
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda sight: live.update(picture(sight, console.width), refresh=True)
