"""A last backup of a store's table before it is deleted. Called by `remove_store.py`.

Made once for a store: its name holds the store's uid, and a backup of that name is looked for
first. Returns only when the backup was seen to be complete.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudcafe_operator.errors import NotFound, Retry
from cloudcafe_operator.ports import Aws

SECONDS_UNTIL_LOOKED_AGAIN = 5.0


@dataclass(frozen=True, slots=True)
class Backups:
    """On-demand backups of DynamoDB tables."""

    aws: Aws

    async def take(self, table: str, name: str) -> None:
        """Back a table up, once; a table that is not there needs none."""
        found = await self._find(table, name)
        if found is None:
            try:
                await self.aws.call("dynamodb", "create_backup", TableName=table, BackupName=name)
            except NotFound:
                return
            found = await self._find(table, name)
        if found != "AVAILABLE":
            raise Retry(
                f"backup {name} of table {table} is {found or 'not listed yet'}",
                after=SECONDS_UNTIL_LOOKED_AGAIN,
            )

    async def _find(self, table: str, name: str) -> str | None:
        """Return the status of the backup of that name, None where there is none."""
        listed = await self.aws.pages(
            "dynamodb", "list_backups", "BackupSummaries", TableName=table, BackupType="USER"
        )
        states = [one["BackupStatus"] for one in listed if one["BackupName"] == name]
        return str(states[0]) if states else None
