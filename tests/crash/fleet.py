"""One operator process that runs all faults and a store at once, while something goes wrong.

A round is: every fault's experiment and a store's whole life (made, ready, changed, deleted), one
trouble, and the judgement of what is left. Each owner's own write of the planned number is met.
"""

import itertools
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from cloudcafe_operator.faults.registry import faults

from tests.crash.aws_world import AwsWorld
from tests.crash.judgement import difference, has_injected, injecting, is_over, miscounted, wrong
from tests.crash.nursery import ForkedOperator
from tests.crash.owners import FAULTS, OWNERS, PREFIX, STORE, aws_write, kubernetes_write
from tests.crash.proxy import Glass, Upstream, proxy
from tests.crash.store_life import StoreLife
from tests.crash.town import WANTED, Town
from tests.crash.trap import Trap
from tests.crash.tries import DRINKERS, experiment
from tests.integration.cluster import eventually

SECONDS = 150  # a round takes fifteen; taking over a claim of a dead operator half a minute
AFTER_A_KILL_S = 60  # claims are stored one by one, so some rounds kill for each owner
QUIET_S = 1.5
SETTLED_S = 15
LOOK_S = 0.2
ROUNDS = itertools.count(1)
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: proxy
clusters: [{{name: proxy, cluster: {{server: "{url}"}}}}]
contexts: [{{name: proxy, context: {{cluster: proxy, user: nobody, namespace: "{namespace}"}}}}]
users: [{{name: nobody, user: {{}}}}]
"""
REPEATABLE = "/eviction"  # how many pods a drain moves depends on where they happen to be


class Fleet:
    """A namespace, an AWS, proxies and an operator of a test's own."""

    def __init__(self, cluster, cafe, folder, namespace):
        self.cluster, self.cafe, self.folder, self.namespace = cluster, cafe, folder, namespace
        self.api = Upstream.of_kubeconfig(cluster.kubeconfig)
        self.glass, self.second = Glass(), None
        self.trap = Trap(self.kill)
        self.town = Town(cluster, self.api, namespace, self.trap)
        self.operator = self.aws = None
        self.usual = {}  # how often each injecting write happens in an undisturbed round
        self.last = None
        self._objects = f"/apis/cloudcafe.dev/v1alpha1/namespaces/{namespace}"

    @contextmanager
    def running(self, cafe_url, start_aws):
        """Start everything but the operator; `start_aws` takes the API server's address."""
        with ExitStack() as stack:
            stack.callback(self.api.close)
            stack.enter_context(self.town.open())
            plain = stack.enter_context(proxy(self.api, lambda *_: None))
            self.aws = stack.enter_context(start_aws(plain, self.namespace))
            kubernetes = proxy(self.api, kubernetes_write, self.trap, self.glass)
            aws = proxy(Upstream(self.aws.url), aws_write, self.trap, without="422")
            urls = stack.enter_context(kubernetes), stack.enter_context(aws), cafe_url
            environment = self._environment(*urls)
            self.operator = ForkedOperator(environment, self.folder / "operator.log")
            other = {"POD_NAME": "another", "CAFE_LEASE_NAME": "another"}
            self.second = ForkedOperator(environment | other, self.folder / "second.log")
            self.world = AwsWorld(self.aws)
            stack.callback(self.kill, self.operator)
            stack.callback(self.kill, self.second)
            yield self

    def _environment(self, kubernetes, aws, cafe):
        kubeconfig = self.folder / "kubeconfig"
        kubeconfig.write_text(KUBECONFIG.format(url=kubernetes, namespace=self.namespace))
        return {
            **self.aws.environment,
            "AWS_ENDPOINT_URL": aws,
            "KUBECONFIG": str(kubeconfig),
            "CRASH_ADDRESS": address(),
            "POD_NAMESPACE": self.namespace,
            "POD_NAME": "operator-to-kill",
            "CAFE_NAMESPACES": self.namespace,
            "CAFE_ORDER_URL": cafe,
            "CAFE_MENU_URL": cafe,
            "CAFE_INVENTORY_URL": cafe,
            "CAFE_SERVICE_TOKEN": "token",
            "CAFE_LEASE_SECONDS": "4",
            "CAFE_CLAIM_SECONDS": "8",
            "CAFE_RELIST_SECONDS": "5",
            "CAFE_RESYNC_SECONDS": "15",
            "CAFE_WORKERS": "64",
        }

    def seed_bug(self, name):
        """Let the operator have a bug from its next start on."""
        self.operator.environment["CRASH_BUG"] = name

    def kill(self, operator=None):
        """SIGKILL."""
        process = (operator or self.operator).process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    def round(self, trouble="", number=0, owners=OWNERS, among=""):
        """Run all owners with one trouble; return what is wrong afterwards, by owner."""
        self._reset()
        self.stuck = ""
        before = self._state()
        self.trap.arm(trouble, number, owners, among)
        self.glass.trouble, self.glass.troubled = trouble, 0
        names = {owner: f"{PREFIX}{owner.lower()}-{next(ROUNDS)}" for owner in owners}
        if trouble == "two":
            self.second.start()
        life = StoreLife(self, names[STORE]) if STORE in owners else None
        made = [experiment(o, names[o], self.namespace) for o in owners if o != STORE]
        for manifest in made:
            assert self.send("POST", "chaosexperiments", manifest), manifest
        runs = self._drive(names, life)
        problems = self._judge(names, runs, life) | self._compare(before)
        self._end(runs, {item["metadata"]["name"] for item in made})
        if life:
            life.end()
        return problems

    def _end(self, runs, made):
        """Note what the round was like, and take away its experiments."""
        statuses = {owner: run.get("status") or {} for owner, run in runs.items()}
        verdicts = {o: (s.get("verdict"), s.get("message")) for o, s in statuses.items()}
        trap = self.trap
        self.last = Told(
            tuple(trap.done),
            dict(trap.hits),
            trap.kills,
            verdicts,
            self.glass.troubled,
            frozenset(owner for owner, run in runs.items() if has_injected(run)),
        )
        trap.arm("", 0)
        self.glass.trouble = ""
        self.kill(self.second)
        if self.operator.process.poll() is not None:
            self.operator.spawn()  # it was killed at the last write of all
        for name in made:
            self.send("DELETE", f"chaosexperiments/{name}")
        eventually(lambda: not made & set(self.items("chaosexperiments")), seconds=50)

    def _reset(self):
        self.aws.reset()
        store = f"{self.namespace}.{DRINKERS}"
        self.cafe.stores[store] = {"id": store, "acceptingOrders": True, "currency": "GBP"}
        self.cafe.menus[store] = {"items": [{"sku": "espresso", "priceMinor": 280}]}
        deadline = time.monotonic() + SECONDS
        while self.town.ready() != WANTED and time.monotonic() < deadline:
            time.sleep(LOOK_S)

    def _drive(self, names, life):
        """Start the operator whenever it is dead; return the runs once all is over."""
        deadline = time.monotonic() + SECONDS
        waiting, runs = {o: n for o, n in names.items() if o != STORE}, {}
        while (waiting or (life and not life.over)) and time.monotonic() < deadline:
            process = self.operator.process
            if process is None or process.poll() is not None:
                self.operator.spawn()
                deadline = max(deadline, time.monotonic() + AFTER_A_KILL_S)
            found = self.items("chaosruns"), self.items("chaosexperiments")
            for owner, name in list(waiting.items()):
                run, made = found[0].get(f"{name}-1"), found[1].get(name)
                if run:
                    runs[owner] = run
                if run and made and is_over(run) and is_over(made):
                    waiting.pop(owner)
                    self.trap.over(owner)
            if life and not life.over:
                life.step()
            time.sleep(LOOK_S)
        if waiting or (life and not life.over):
            told = {o: (found[1].get(name) or {}).get("status") for o, name in waiting.items()}
            self.stuck = f"{told or STORE}; {self._where_it_is()}"
        return runs

    def _where_it_is(self):
        """Return what the operator says and does: for a reader who asks why nothing went on."""
        ready = self.operator.get("/readyz") or "no answer"
        if self.operator.process.poll() is None:
            self.operator.process.send_signal(signal.SIGUSR1)
            time.sleep(LOOK_S)  # the signal's handler writes to the log
        return f"{ready}; kills {self.trap.kills}; {self.operator.log.read_text()[-3000:]}"

    def send(self, method, path, body=None):
        """Ask something of our kinds in the namespace; None where that was refused."""
        return self.api.send(method, f"{self._objects}/{path}", body)

    def items(self, kind):
        found = self.send("GET", kind) or {"items": []}
        return {item["metadata"]["name"]: item for item in found["items"]}

    def _judge(self, names, runs, life):
        count = Counter((w.owner, w.key) for w in self.trap.done)
        problems = {owner: wrong(run) for owner, run in runs.items()}
        problems |= {o: "no run" for o in names if o not in runs and o != STORE}
        problems["stuck"] = self.stuck
        if life:
            problems[STORE] = "" if life.over else f"stuck when {life.story}: {life.last}"
        for owner, usual in self.usual.items():
            if owner in names and not problems[owner]:
                counts = {key: count[owner, key] for key in usual}
                problems[owner] = miscounted(usual, counts, runs.get(owner))
        return {owner: problem for owner, problem in problems.items() if problem}

    def _compare(self, before):
        """The world is as before, and nobody writes any more."""
        deadline = time.monotonic() + 20  # for pods that are being replaced, and alarms' last look
        while (after := self._state()) != before and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        problems = {
            f"world: {part}": difference(after[part], before[part])
            for part in before
            if after[part] != before[part]
        }
        if not self._settles(time.monotonic() + SETTLED_S):
            problems["quiet"] = f"still writes: {self.trap.done[-3:]}"
        return problems

    def _settles(self, deadline):
        """Whether nobody writes any more; what tells of all stores may come a little later."""
        while time.monotonic() < deadline:
            writes = self.trap.writes
            time.sleep(QUIET_S)
            if self.trap.writes == writes:
                return True
        return False

    def _state(self):
        cafe = {"stores": sorted(self.cafe.stores), "menus": sorted(self.cafe.menus)}
        return {"town": self.town.state(), "cafe": cafe, **self.world.state()}

    def learn(self, owners=OWNERS):
        """Run undisturbed and note what is written to inject; return what is wrong."""
        problems = self.round(owners=owners)
        for owner in owners:
            mine = [write for write in self.last.done if write.owner == owner]
            counts = Counter(write.key for write in mine)
            self.usual[owner] = {
                write.key: counts[write.key]
                for write in injecting(mine)
                if REPEATABLE not in write.what
            }
        wanted = {o: "Inconclusive" if faults()[o].unproven else "Passed" for o in FAULTS}
        verdicts = {o: told for o, told in self.last.verdicts.items() if told[0] != wanted[o]}
        return {o: f"verdict {why}" for o, why in verdicts.items()} | problems


@dataclass(frozen=True)
class Told:
    """What a round was like."""

    done: tuple
    hits: dict
    kills: int
    verdicts: dict
    troubled: int
    injected: frozenset  # the faults that were in force at some time


def address():
    """Return this machine's own address, by which it reaches others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))
        return asked.getsockname()[0]
