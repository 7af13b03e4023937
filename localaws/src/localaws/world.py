"""What a consequence may touch. Built once by the gateway, given to every `build(world)`.

A consequence never imports an emulator or reads the environment: it gets calls, a clock and
metrics here, so that its test can hand it others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry

from localaws.clock import Clock, monotonic
from localaws.measures import Measures
from localaws.messages import Reply, Request
from localaws.network import Network
from localaws.settings import ACCOUNT, Settings
from localaws.switchboard import Switchboard

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Call = Callable[[Request], Awaitable[Reply]]


class Clusters(Protocol):
    """The Aurora clusters that the emulator holds, as far as a failover changes them."""

    def writer(self, key: ClusterKey) -> str | None:
        """Identifier of the writer instance; None when there is no such cluster or writer."""

    def mark(self, key: ClusterKey, *, writer: str, failing_over: frozenset[str]) -> None:
        """Set the writer; instances in `failing_over` are rebooting and so is the cluster.

        With an empty set everything is available again. An unknown cluster is left alone.
        """

    def record(self, key: ClusterKey, message: str) -> None:
        """Add an entry to what DescribeEvents shows of the cluster."""


class Monitoring(Protocol):
    """What the emulator's CloudWatch and its queues know."""

    def backlogs(self) -> list[Backlog]:
        """What waits in each queue now."""

    def judge_alarms(self) -> None:
        """Put each metric alarm into the state that its metric says, with all that follows."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """A queue's messages: how many may be received, and the age of the oldest one of all."""

    account: str
    region: str
    queue: str
    visible: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class ClusterKey:
    """A cluster of one account and region; the identifier is lower case, as AWS stores it."""

    account: str
    region: str
    identifier: str


class Unmonitored:
    """Implements Monitoring where there is no emulator: nothing waits, no alarm is set."""

    def backlogs(self) -> list[Backlog]:
        """Nothing."""
        return []

    def judge_alarms(self) -> None:
        """There is none."""


async def _no_network() -> Network:
    return Network()


@dataclass(frozen=True)
class World:
    """The surroundings of a consequence.

    Attributes:
        call: asks the emulator itself, past all consequences.
        clusters: the emulator's Aurora clusters.
        wake: asks for a tick of all consequences now instead of within a second.
        switches: the TCP endpoints that can be cut, shared by all consequences.
        network: reads the emulator's network as it is now.
        act: asks as a client does, consequences included.
        measures: what has happened since AWS/* metrics were last published.
        monitoring: the emulator's queues and alarms.
    """

    settings: Settings
    call: Call
    clusters: Clusters
    wake: Callable[[], None] = lambda: None
    clock: Clock = monotonic
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    switches: Switchboard = field(default_factory=Switchboard)
    network: Callable[[], Awaitable[Network]] = _no_network
    act: Call | None = None
    measures: Measures = field(default_factory=Measures)
    monitoring: Monitoring = field(default_factory=Unmonitored)

    def request(
        self, service: str, target: str, body: bytes, *, scope: tuple[str, str] | None = None
    ) -> Request:
        """An internal JSON-protocol request in an account and region (default: the seeded ones).

        The credential scope is what carries account and region through the emulator.
        """
        account, region = scope or (ACCOUNT, self.settings.region)
        headers = {
            "authorization": (
                "AWS4-HMAC-SHA256 "
                f"Credential={account}/20000101/{region}/{service}/aws4_request, "
                "SignedHeaders=host, Signature=0"
            ),
            "content-type": "application/x-amz-json-1.0",
            "content-length": str(len(body)),
            "host": "localaws",
            "x-amz-target": target,
        }
        raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
        action = target.rpartition(".")[2]
        return Request("POST", "/", b"", headers, raw, body, service, action, region, account)
