"""Load shedding: no new orders while too many messages wait.

Accepting an order that would be confirmed minutes later is worse than saying so. The relay's
housekeeping counts what waits every few seconds; placing an order only compares two numbers.
"""

from cafe_kit.errors import UnavailableError

RETRY_AFTER_SECONDS = 5


class Backlog:
    """How many messages wait, as of the last count."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting = 0
        self._destination = ""

    def note(self, destination: str, waiting: int) -> None:
        """The longest queue, and whose it is."""
        self._destination, self._waiting = destination, waiting

    def check(self) -> None:
        """Let an order in.

        Raises:
            UnavailableError: too much waits already.
        """
        if self._waiting > self.most:
            raise UnavailableError(
                f"More than {self.most} messages of earlier orders wait for {self._destination}.",
                slug="too-many-waiting",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
