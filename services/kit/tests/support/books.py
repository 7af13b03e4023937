"""A sink in memory that keeps events and positions together, as a database would."""

from cafe_kit.errors import UnavailableError


class Died(BaseException):
    """The process is killed here."""


class Book:
    """Survives its consumers. `trouble` is raised at the next absorb, before or after it stored."""

    def __init__(self):
        self.stored = {}
        self.events = []
        self.batches = []
        self.trouble = None
        self.trouble_late = False
        self.away = False

    async def positions(self):
        if self.away:
            raise UnavailableError("The database is away.")
        return dict(self.stored)

    async def absorb(self, batch):
        trouble, self.trouble = self.trouble, None
        if trouble is not None and not self.trouble_late:
            raise trouble
        assert self.stored.get(batch.shard) == batch.before, "a position was skipped"
        self.batches.append(batch)
        self.events += [event.id for event in batch.events]
        self.stored[batch.shard] = batch.position
        if trouble is not None:
            raise trouble
