"""A CafeStore's whole small world: an operator, its ports, and time that only the test moves."""

from __future__ import annotations

from datetime import UTC, datetime

from cloudcafe_operator.effects.news import News
from cloudcafe_operator.errors import Conflict, Retry
from cloudcafe_operator.handlers.routes import store_reconciler
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.ports import Ports, Ref
from cloudcafe_operator.resources.store import example
from cloudcafe_operator.settings import Settings

from tests.fakes import FakeAws, FakeClock, FakeHttp, FakeKubernetes, RecordedEvents, Recorder
from tests.fakes.cafe import FakeCafe
from tests.fakes.store_aws import StoreAws

REF = Ref(CAFE_STORES, "corner", "default")
QUEUE = "cloudcafe-default_corner-orders.fifo"
DEAD_LETTERS = "cloudcafe-default_corner-orders-dlq.fifo"
SECRET = "cloudcafe/default/corner/till"
ID = "default.corner"
CLUSTER = "c1c1c1c1-0000-4000-8000-000000000001"  # the uid of its cluster
HOSTS = ("order:8080", "menu:8080", "inventory:8080")


class StoreWorld:
    """An operator and everything around it."""

    def __init__(self):
        self.recorder = Recorder()
        self.kubernetes = FakeKubernetes(self.recorder)
        self.fake_aws = FakeAws(self.recorder)
        self.aws = StoreAws(self.fake_aws)
        self.http = FakeHttp(self.recorder)
        self.clock = FakeClock(datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
        self.cafe = FakeCafe(now=self.clock.now)
        self.events = RecordedEvents()
        self.cluster = CLUSTER
        self.open_services()
        self.restart()

    def open_services(self):
        for host in HOSTS:
            self.http.mount(host, self.cafe.handle)

    def restart(self):
        """Begin anew, with nothing in memory."""
        self.reconciler = self.operator()

    def ports(self, kubernetes=None, aws=None, http=None, queue=None):
        """Return what an operator has of this world, or ports of its own."""
        return Ports(
            kubernetes or self.kubernetes,
            aws or self.fake_aws,
            http or self.http,
            customers=self.http,
            probes=self.http,
            admin=None,
            clock=self.clock,
            events=self.events,
            queue=queue,
        )

    def operator(self, kubernetes=None, aws=None, http=None, queue=None, **settings):
        """Return one more operator over the same world, with ports and settings of its own."""
        usual = {"service_token": "token", "resync_seconds": 600, "verify_seconds": 600}
        ports = self.ports(kubernetes, aws, http, queue)
        return store_reconciler(Settings(**usual | settings), ports, News(), self.cluster)

    async def apply(self, **spec):
        manifest = example()
        manifest["spec"] |= spec
        return await self.kubernetes.create(CAFE_STORES, manifest)

    async def reconcile(self):
        return await self.reconciler.reconcile(REF)

    async def settle(self):
        """Reconcile until the next wish is far away; errors with a wait are waited for."""
        for _ in range(40):
            try:
                after = await self.reconcile()
            except (Retry, Conflict) as error:
                after = getattr(error, "after", 0.1)
            if after is None or after > 60:
                return
            self.clock.advance(after)
        raise AssertionError("it does not come to rest")

    async def settle_for(self, seconds, until=lambda: False):
        """Reconcile whenever it is due for so long, or until something holds."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end and not until():
            try:
                after = await self.reconcile()
            except (Retry, Conflict) as error:
                after = getattr(error, "after", 0.1)
            self.clock.advance(min(after or 1.0, max(0.1, end - self.clock.monotonic())))

    @property
    def store(self):
        return self.kubernetes.find("CafeStore", "corner", "default")

    def condition(self, type_):
        found = {c["type"]: c for c in self.store["status"]["conditions"]}
        return found[type_]["status"], found[type_]["reason"], found[type_].get("message", "")
