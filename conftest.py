"""Settings of every test run that no option of pytest covers."""

import ast
import gc
import operator
from functools import wraps
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

_parse = ast.parse


@wraps(_parse)
def _parse_in_peace(*arguments: Any, **options: Any) -> Any:
    """Parse without collecting garbage: what complains on its end parses the line that made it.

    The parser of Python 3.11 raises SystemError where it is entered twice, and pytest parses what
    plugins import in the middle of a test.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return _parse(*arguments, **options)
    finally:
        if collects:
            gc.enable()


ast.parse = _parse_in_peace

# How long an example takes says how busy the machine is: no test asserts a time.
hypothesis.settings.register_profile("no time", deadline=None)
hypothesis.settings.load_profile("no time")

# Unless told otherwise, structlog draws tracebacks with all local variables: seconds for each.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# pytest names a test module after its path. Without a __path__ on the standard library's module,
# it would put our folder `operator/` in that module's place and break every later import of it.
operator.__path__ = [str(Path(__file__).parent / "operator")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Sweeps take a sample of what they could try, unless asked for all of it."""
    parser.addoption("--full", action="store_true", help="sweep every field, not a sample")
