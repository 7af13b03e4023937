"""Settings of every test run that no option of pytest covers."""

import operator
from pathlib import Path

import pytest

# pytest names a test module after its path. Without a __path__ on the standard library's module,
# it would put our folder `operator/` in that module's place and break every later import of it.
operator.__path__ = [str(Path(__file__).parent / "operator")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Sweeps take a sample of what they could try, unless asked for all of it."""
    parser.addoption("--full", action="store_true", help="sweep every field, not a sample")
