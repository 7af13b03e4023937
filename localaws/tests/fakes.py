"""Stand-ins for what a consequence touches, for tests without emulators and sockets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from localaws.messages import Reply, Request
from localaws.settings import Settings
from localaws.toxiproxy import ToxiproxyUnreachableError
from localaws.world import World

REGION = "eu-west-1"
ACCOUNT = "000000000000"


@dataclass
class FakeClock:
    now: float = 1000.0

    def __call__(self):
        return self.now


@dataclass
class FakeToxiproxy:
    """Remembers whether the proxy is enabled; `restart` forgets, `reachable` can be false."""

    enabled: bool = True
    reachable: bool = True
    switched: list[bool] = field(default_factory=list)

    def restart(self):
        self.enabled = True

    async def ensure(self, proxy, *, enabled):
        if not self.reachable:
            raise ToxiproxyUnreachableError("gone")
        changed = enabled != self.enabled
        if changed:
            self.switched.append(enabled)
        self.enabled = enabled
        return changed


@dataclass
class FakeClusters:
    """Clusters by key: [writer, status]; `fail_over` is what the emulator does at once."""

    held: dict = field(default_factory=dict)
    events: list = field(default_factory=list)

    def writer(self, key):
        return self.held[key][0] if key in self.held else None

    def mark(self, key, *, writer, failing_over):
        if key in self.held:
            self.held[key] = [writer, "failing-over" if failing_over else "available"]

    def record(self, key, message):
        self.events.append(message)

    def fail_over(self, key, status=200):
        async def forward(_request):
            if key in self.held and self.held[key][1] == "available":
                self.held[key][0] = "b" if self.held[key][0] == "a" else "a"
                return Reply(status, _members(self.held[key][0]))
            return Reply(400, b"<Code>InvalidDBClusterStateFault</Code>")

        return forward


def _members(writer):
    return b"".join(
        b"<DBInstanceIdentifier>%b</DBInstanceIdentifier>\n <IsClusterWriter>%b</IsClusterWriter>"
        % (name.encode(), b"true" if name == writer else b"false")
        for name in ("a", "b")
    )


async def nothing_to_call(request):
    raise AssertionError(f"unexpected call of {request.service}")


def world(clock, clusters=None, call=nothing_to_call, **settings):
    return World(Settings(**settings), call, clusters or FakeClusters(), clock=clock)


def request(service, action, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-length": str(len(raw))}
    pairs = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return Request("POST", "/", b"", headers, pairs, raw, service, action, REGION, ACCOUNT)
