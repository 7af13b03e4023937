"""What PostgreSQL itself can do: pgbench writes the rows of the service's own orders.

The scripts are made from an order that the service has just written, so rows and sizes are the
same; only ids and keys are new, and grow with time as the service's do. Three ways: a statement a
table (how an application without tricks writes an order; the yardstick), a statement a row, and
all in one statement.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

from services.order.bench.postgres import BINARIES, Server

Row = dict[str, Any]

# pgbench takes :name for a variable, also within quotes; JSON is full of colons
_COLON = r"\x3a"
_ID = "('0192f000-0000-7000-8000-' || :n)::uuid"
_NUMBER = r"""\set i :i + 1
\set n 100000000000 + :i * 100 + :client_id
"""


def scripts(server: Server) -> dict[str, str]:
    """A pgbench script for each way, from the newest order in the database."""
    [order] = server.rows("SELECT * FROM orders ORDER BY placed_at DESC LIMIT 1")
    own = f"WHERE order_id = '{order['id']}'"
    lines = server.rows(f"SELECT * FROM order_lines {own} ORDER BY line")
    outbox = server.rows(f"SELECT * FROM outbox {own} ORDER BY id")
    [key] = server.rows(
        f"SELECT * FROM idempotency_keys WHERE position('{order['id']}'::bytea IN response) > 0"
    )
    claim = _key_statement(key)
    placed = _order_statement(order)
    line_values, outbox_values = [_line(row) for row in lines], [_told(row) for row in outbox]
    tables = [claim, placed, _LINES + ", ".join(line_values), _OUTBOX + ", ".join(outbox_values)]
    rows = [
        claim,
        placed,
        *(_LINES + value for value in line_values),
        *(_OUTBOX + value for value in outbox_values),
    ]
    named = [f"s{number} AS ({sql} RETURNING 1)" for number, sql in enumerate(tables)]
    return {
        "a statement a table": _transaction(tables),
        "a statement a row": _transaction(rows),
        "one statement": _NUMBER + f"WITH {', '.join(named)} SELECT 1;\n",
    }


def run(server: Server, script: str, *, seconds: float, core: int, clients: int) -> float:
    """Orders a second of one script, `pgbench -M prepared` pinned to a core."""
    file = Path(f"/tmp/cafe-bench-{server.port}.sql")  # noqa: S108 - ours by its port
    file.write_text(script)
    command = ["taskset", "-c", str(core), str(BINARIES / "pgbench"), "-n", "-M", "prepared"]
    command += [
        "-c",
        str(clients),
        "-j",
        "1",
        "-T",
        str(int(seconds)),
        "-D",
        "i=0",
        "-f",
        str(file),
    ]
    command += ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "postgres"]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        file.unlink()
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or re.search(r"number of failed transactions: [1-9]", done.stdout):
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])


_LINES = "INSERT INTO order_lines (order_id, line, sku, name, quantity, unit_price_minor) VALUES "
_OUTBOX = "INSERT INTO outbox (order_id, destination, kind, payload, trace_id) VALUES "


def _key_statement(row: Row) -> str:
    values = f"E'bench{_COLON}bench-18a0a0a0a0a0a0a0-' || :n, '\\x{row['request_hash'].hex()}', 201"
    return (
        "INSERT INTO idempotency_keys (key, request_hash, status, response, expires_at) "
        f"VALUES ({values}, '\\x{row['response'].hex()}', now() + interval '48 hours')"
    )


def _order_statement(row: Row) -> str:
    values = [row[name] for name in ("store_id", "customer_id", "currency", "total_minor")]
    values += [row["synthetic"], row["trace_id"]]
    return (
        "INSERT INTO orders (id, store_id, customer_id, currency, total_minor, synthetic, "
        f"trace_id, placed_at) VALUES ({_ID}, {_literals(values)}, now())"
    )


def _line(row: Row) -> str:
    names = ("line", "sku", "name", "quantity", "unit_price_minor")
    return f"({_ID}, {_literals([row[name] for name in names])})"


def _told(row: Row) -> str:
    names = ("destination", "kind", "payload", "trace_id")
    return f"({_ID}, {_literals([row[name] for name in names])})"


def _literals(values: list[Any]) -> str:
    return ", ".join(_literal(value) for value in values)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value)
    text = str(value).replace("\\", r"\\").replace("'", r"\'").replace(":", _COLON)
    return f"E'{text}'"


def _transaction(statements: list[str]) -> str:
    return _NUMBER + "".join(f"{sql};\n" for sql in ["BEGIN", *statements, "COMMIT"])
