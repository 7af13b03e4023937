"""The fixture `local_aws` for every part's tests: a localaws in its seeded state.

Registered as a pytest plugin in pyproject.toml. That also imports the package before pytest
meets the folder `localaws/tests`, whose parent it would otherwise take for a package of that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localaws.testing import LocalAws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def local_aws_process() -> Iterator[LocalAws]:
    """One process for the whole session; failovers last 0.6 s instead of 6."""
    with LocalAws.start({"LOCALAWS_FAILOVER_SECONDS": "0.6"}) as aws:
        yield aws


@pytest.fixture
def local_aws(local_aws_process: LocalAws) -> LocalAws:
    """The session's localaws, reset."""
    local_aws_process.reset()
    return local_aws_process
