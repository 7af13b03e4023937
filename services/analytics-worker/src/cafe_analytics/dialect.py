"""What Redshift and PostgreSQL do not share, in one place. Used by `migrate`, loading and reports.

Everything else is written in what both know; `tests/test_dialect.py` parses each statement and
names what may not be used, and why.
"""

import re
from collections.abc import Mapping
from typing import Any

from cafe_kit.database import Bounds

_ONLY = re.compile(r"/\*(redshift|postgresql)\b(.*?)\*/", re.DOTALL)

POSTGRESQL_GUARD = "SET LOCAL idle_in_transaction_session_timeout TO 15000"
"""A worker that vanishes in the middle of a load must not keep its locks. Redshift has no such
parameter; there `vanished.py` looks for it."""


def is_redshift(connection: Any) -> bool:
    """Whether the server is Redshift: it announces its own revision, as asyncpg knows too."""
    return hasattr(connection.get_settings(), "padb_revision")


def rendered(sql: str, *, redshift: bool) -> str:
    """The statements for one of the two servers."""
    wanted = "redshift" if redshift else "postgresql"
    return _ONLY.sub(lambda match: match[2] if match[1] == wanted else "", sql)


def warehouse_bounds(statement_seconds: float) -> Bounds:
    """Waits that suit a warehouse.

    Redshift refuses parameters that it does not know when a connection opens, so none is sent.
    No prepared statement is kept: the staging tables that they name are new in every load.
    """
    nothing: Mapping[str, str] = {}
    return Bounds(
        connect_seconds=3.0,
        acquire_seconds=3.0,
        statement_seconds=statement_seconds,
        cached_statements=0,
        server_settings=nothing,
    )
