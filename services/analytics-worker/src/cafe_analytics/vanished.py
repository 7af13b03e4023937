"""Loads of workers that are gone, on Redshift: found by the lock that they hold, and ended.

A worker whose node is cut off in a load leaves a session that does nothing and keeps its lock.
PostgreSQL ends such a transaction by `dialect.POSTGRESQL_GUARD`. Redshift ends it after six hours,
and SESSION TIMEOUT of a user does not count for open transactions; until then nobody would load.

`loading.py` calls it when the lock was not to be had in time. Asks for no right that a user has not
anyway: to see its own transactions, and to end its own sessions. Should it ever meet a load that is
only slow, between two statements, that one is rolled back and comes again.
"""

import structlog
from cafe_kit.database import Connection, Database

from cafe_analytics.dialect import is_redshift

log = structlog.get_logger()

# One that is younger may be of a worker that lives, however long the queue of Redshift is just now.
HOLDERS = """
SELECT DISTINCT svv_transactions.pid FROM svv_transactions
JOIN pg_class ON pg_class.oid = svv_transactions.relation
WHERE pg_class.relname = 'stream_positions'
  AND svv_transactions.lock_mode = 'AccessExclusiveLock' AND svv_transactions.granted
  AND svv_transactions.txn_owner = current_user
  AND svv_transactions.txn_db = current_database()
  AND svv_transactions.txn_start < GETDATE() - INTERVAL '60 seconds'
"""

# By itself: Redshift joins what lies on the compute nodes with no catalog of the leader.
RUNNING = "SELECT pid FROM stv_recents WHERE status = 'Running'"

END = "SELECT pg_terminate_backend($1::integer)"


class LockHeldError(TimeoutError):
    """Somebody on Redshift has the lock of the loads, and kept it for too long."""


async def take_lock(connection: Connection, statement: str) -> None:
    """Lock.

    Raises:
        LockHeldError: on Redshift, it was not to be had in time.
        TimeoutError: elsewhere.
    """
    try:
        await connection.execute(statement)
    except TimeoutError as error:
        if is_redshift(connection):
            raise LockHeldError("another load has the lock") from error
        raise


async def end_vanished(database: Database) -> None:
    """End own sessions that have held the loads' lock for a minute and run no statement.

    Raises:
        DatabaseUnavailableError: the warehouse is away.
    """
    async with database.connection() as connection:
        holders = {row["pid"] for row in await connection.fetch(HOLDERS)}
        if not holders:
            return
        running = {row["pid"] for row in await connection.fetch(RUNNING)}
        for pid in sorted(holders - running):
            log.warning("a worker vanished in a load: its session ends", pid=pid)
            await connection.execute(END, pid)
