"""A real cluster of Redis for tests: one shard with a replica, as MemoryDB has it."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis, RedisError

from services.kit.tests.support.ports import free_port
from services.kit.tests.support.redis import RedisServer

LAST_SLOT = 16383


class Node(RedisServer):
    """A server that knows of others."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        options = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"]
        # its own guess, ten thousand above the other port, may be no port
        self.bus_port = free_port()
        options += ["--cluster-port", str(self.bus_port)]
        # they tell each other the news, and a replica follows, at once
        options += ["--cluster-node-timeout", "400", "--repl-diskless-sync-delay", "0"]
        options += ["--repl-ping-replica-period", "1"]
        super().__init__(folder, *options)
        self.cluster_url = self.url.replace("redis://", "redis+cluster://")
        self.identity = ""

    def start(self) -> None:
        """As any server; then it has a name among the nodes."""
        super().start()
        self.identity = str(self.ask("CLUSTER MYID"))

    def ask(self, *command: str) -> object:
        """What it answers itself, by a connection of its own."""
        with Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)

    def knows(self) -> list[list[int]]:
        """Who serves which slots, as it thinks: first, last, the ports of primary and replica."""
        ranges = self.ask("CLUSTER SLOTS")
        assert isinstance(ranges, list)
        return [[first, last, *(node[1] for node in nodes)] for first, last, *nodes in ranges]

    def info(self) -> dict[str, object]:
        """Its part in the replication, and how the cluster is."""
        with Redis(port=self.port, decode_responses=True) as client:
            return client.info("replication") | client.cluster("INFO")


class RedisNodes:
    """The shard: `primary` has the keys, `replica` follows it."""

    def __init__(self, folder: Path) -> None:
        self._folders = (folder / str(number) for number in itertools.count())
        self.primary, self.replica = (Node(next(self._folders)) for _ in range(2))

    def start(self) -> None:
        """Start both, and make them a cluster."""
        self.primary.start()
        self.primary.ask("CLUSTER ADDSLOTSRANGE", "0", str(LAST_SLOT))
        self._join()

    def mend(self) -> None:
        """Whatever a test did: both serve, and hold nothing. Who died is replaced, as on AWS."""
        for node in (self.primary, self.replica):
            node.thaw()
        if not self.replica.running:
            dead, self.replica = self.replica, Node(next(self._folders))
            self.primary.ask("CLUSTER FORGET", dead.identity)
            self._join()
        self.settled()
        self.primary.ask("FLUSHALL")
        self.primary.ask("SCRIPT FLUSH")

    def settled(self) -> None:
        """Return once both agree who is who, and the replica has what the primary has."""
        _until(self._whole)

    def hand_over(self) -> None:
        """The replica becomes the primary, in peace; the old primary lives on as its replica."""
        self.settled()
        asked = itertools.count()

        def taken() -> bool:
            # the primary gives its vote once in a while only, and a vote that was refused is gone
            if next(asked) % 50 == 0:
                self.replica.ask("CLUSTER FAILOVER")
            return self.replica.info()["role"] == "master"

        _until(taken)
        self._swapped()
        self.settled()

    def fail_over(self) -> None:
        """The primary dies, and the replica takes its place."""
        self.primary.kill()
        # without a vote: the only one who has it is dead
        self.replica.ask("CLUSTER FAILOVER", "TAKEOVER")
        self._swapped()

    def stop(self) -> None:
        """The end of both."""
        for node in (self.primary, self.replica):
            node.kill()

    def _join(self) -> None:
        primary, replica = self.primary, self.replica
        replica.start()
        replica.ask("CLUSTER MEET", "127.0.0.1", str(primary.port), str(primary.bus_port))
        _until(lambda: replica.ask("CLUSTER REPLICATE", primary.identity))
        self.settled()

    def _swapped(self) -> None:
        self.primary, self.replica = self.replica, self.primary
        _until(lambda: self.primary.info()["role"] == "master")

    def _whole(self) -> bool:
        first, second = self.primary.info(), self.replica.info()
        agreed = all(
            node.knows() == [[0, LAST_SLOT, self.primary.port, self.replica.port]]
            for node in (self.primary, self.replica)
        )
        return (
            agreed
            and (first["role"], second["role"]) == ("master", "slave")
            and first["cluster_state"] == second["cluster_state"] == "ok"
            and first["connected_slaves"] == 1
            and second["master_link_status"] == "up"
            and first["master_repl_offset"] == second["slave_repl_offset"]
        )


def _until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Return once it holds; a refusal is a no, as nodes need a moment to know each other."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except (RedisError, KeyError):
            pass
        time.sleep(0.02)
    raise TimeoutError(f"not within {seconds} s")


@contextmanager
def running_redis_nodes() -> Iterator[RedisNodes]:
    """Start a cluster in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="cafe-redis-nodes-", ignore_cleanup_errors=True) as at:
        nodes = RedisNodes(Path(at))
        try:
            nodes.start()
            yield nodes
        finally:
            nodes.stop()
