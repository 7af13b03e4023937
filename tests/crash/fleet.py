"""One operator process that runs all faults and a store at once, while something goes wrong.

A round is: every fault's experiment and a store's whole life (made, ready, changed, deleted), one
trouble, and the judgement of what is left. Each owner's own write of the planned number is met.
"""

import itertools
import json
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.resources.store import example

from tests.crash.aws_world import AwsWorld
from tests.crash.owners import OWNERS, PREFIX, STORE, aws_write, kubernetes_write
from tests.crash.proxy import Glass, Upstream, proxy
from tests.crash.sweep import CLOSED, VERDICTS
from tests.crash.town import Town
from tests.crash.trap import Trap
from tests.integration.cluster import condition
from tests.integration.operator_process import OperatorProcess

ROOT = Path(__file__).parents[2]
SECONDS = 150  # a round takes fifteen; taking over a claim of a dead operator half a minute
AFTER_A_KILL_S = 60  # claims are stored one by one, so some rounds kill for each owner
QUIET_S = 1.5
SETTLED_S = 15
LOOK_S = 0.2
ROUNDS = itertools.count(1)
DRINKERS = "espresso-soho"  # whose coffee the probes buy; it is no object here
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: proxy
clusters: [{{name: proxy, cluster: {{server: "{url}"}}}}]
contexts: [{{name: proxy, context: {{cluster: proxy, user: nobody, namespace: "{namespace}"}}}}]
users: [{{name: nobody, user: {{}}}}]
"""
POD_FAULTS = {"podKill": "order", "podPartition": "menu", "cpuStress": "inventory"}
AUTHOR = {  # said by an admission policy on a whole cluster; draining needs it
    "cloudcafe.dev/created-by": "ada",
    "cloudcafe.dev/created-by-groups": "system:masters",
}
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
            stack.enter_context(self.town.open())
            plain = stack.enter_context(proxy(self.api, lambda *_: None))
            self.aws = stack.enter_context(start_aws(plain, self.namespace))
            kubernetes = proxy(self.api, kubernetes_write, self.trap, self.glass)
            aws = proxy(Upstream(self.aws.url), aws_write, self.trap, without="422")
            urls = stack.enter_context(kubernetes), stack.enter_context(aws), cafe_url
            environment = self._environment(*urls)
            self.operator = OperatorProcess(environment, self.folder / "operator.log")
            other = {"POD_NAME": "another", "CAFE_LEASE_NAME": "another"}
            self.second = OperatorProcess(environment | other, self.folder / "second.log")
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
            "PYTHONPATH": str(Path(__file__).parent / "process"),
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
        if made:
            self.cluster.apply(*made)
        runs = self._drive(names, life)
        problems = self._judge(names, runs, life) | self._compare(before)
        self._end(runs, [item["metadata"]["name"] for item in made])
        return problems

    def _end(self, runs, made):
        """Note what the round was like, and take away its experiments."""
        verdicts = {o: (run.get("status") or {}).get("verdict") for o, run in runs.items()}
        trap = self.trap
        self.last = Told(
            tuple(trap.done),
            dict(trap.hits),
            trap.kills,
            verdicts,
            self.glass.troubled,
            frozenset(owner for owner, run in runs.items() if _has_injected(run)),
        )
        trap.arm("", 0)
        self.glass.trouble = ""
        self.kill(self.second)
        if self.operator.process.poll() is not None:
            self.operator.spawn()  # it was killed at the last write of all
        if made:
            self.cluster.kubectl(
                "delete", "chaosexperiment", "-n", self.namespace, "--timeout=50s", *made
            )

    def _reset(self):
        self.aws.reset()
        store = f"{self.namespace}.{DRINKERS}"
        self.cafe.stores[store] = {"id": store, "acceptingOrders": True, "currency": "GBP"}
        self.cafe.menus[store] = {"items": [{"sku": "espresso", "priceMinor": 280}]}
        deadline = time.monotonic() + SECONDS
        while min(self.town.ready().values()) < 2 and time.monotonic() < deadline:
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
            found = self._items("chaosruns"), self._items("chaosexperiments")
            for owner, name in list(waiting.items()):
                run, made = found[0].get(f"{name}-1"), found[1].get(name)
                if run:
                    runs[owner] = run
                if run and made and _is_over(run) and _is_over(made):
                    waiting.pop(owner)
                    self.trap.over(owner)
            if life and not life.over:
                life.step()
            time.sleep(LOOK_S)
        if waiting or (life and not life.over):
            self.stuck = self._where_it_is()
        return runs

    def _where_it_is(self):
        """Return what the operator says and does: for a reader who asks why nothing went on."""
        ready = self.operator.get("/readyz") or "no answer"
        if self.operator.process.poll() is None:
            self.operator.process.send_signal(signal.SIGUSR1)
            time.sleep(LOOK_S)  # the signal's handler writes to the log
        return f"{ready}; kills {self.trap.kills}; {self.operator.log.read_text()[-3000:]}"

    def _items(self, kind):
        found = self.api.get(f"{self._objects}/{kind}") or {"items": []}
        return {item["metadata"]["name"]: item for item in found["items"]}

    def _judge(self, names, runs, life):
        count = Counter((w.owner, w.key) for w in self.trap.done)
        problems = {owner: _wrong(run) for owner, run in runs.items()}
        problems |= {o: "no run" for o in names if o not in runs and o != STORE}
        problems["stuck"] = self.stuck
        if life:
            problems[STORE] = "" if life.over else f"stuck when {life.story}: {life.last}"
        for owner, usual in self.usual.items():
            if owner in names and not problems[owner]:
                counts = {key: count[owner, key] for key in usual}
                problems[owner] = _miscounted(usual, counts, runs.get(owner))
        return {owner: problem for owner, problem in problems.items() if problem}

    def _compare(self, before):
        """The world is as before, and nobody writes any more."""
        deadline = time.monotonic() + 20  # for pods that are being replaced, and alarms' last look
        while (after := self._state()) != before and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        problems = {
            f"world: {part}": _difference(after[part], before[part])
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
                for write in _injecting(mine)
                if REPEATABLE not in write.what
            }
        verdicts = {o: v for o, v in self.last.verdicts.items() if v != "Passed"}
        return problems | {o: f"verdict {verdict}" for o, verdict in verdicts.items()}


@dataclass(frozen=True)
class Told:
    """What a round was like."""

    done: tuple
    hits: dict
    kills: int
    verdicts: dict
    troubled: int
    injected: frozenset  # the faults that were in force at some time


class StoreLife:
    """A store from its making to its end, one step at a time."""

    def __init__(self, fleet, name):
        self._fleet, self._name = fleet, name
        self.story, self.over, self.last = "made", False, ""
        manifest = example()
        manifest["metadata"] = {"name": name, "namespace": fleet.namespace}
        self._fleet.cluster.apply(manifest)
        self._manifest = manifest

    def step(self):
        """Look, and do what is next."""
        item = self._fleet._items("cafestores").get(self._name)
        self.last = json.dumps((item or {}).get("status"))[:1500]
        if self.story == "deleted" and item is None:
            self.over = True
            self._fleet.trap.over(STORE)
        if item is not None and self.story != "deleted" and _is_refused(item):
            self._apply(f"Leeds {next(ROUNDS)}")
        if item is None or self.story == "deleted" or not _is_ready(item):
            return
        if self.story == "made":
            self._apply("Leeds")
            self.story = "changed"
        else:
            self._fleet.cluster.kubectl(
                "delete", "store", self._name, "-n", self._fleet.namespace, "--wait=false"
            )
            self.story = "deleted"

    def _apply(self, city):
        """Change the spec, as an owner does; also to have a refusal looked at again."""
        spec = {**self._manifest["spec"], "city": city}
        self._fleet.cluster.apply({**self._manifest, "spec": spec})


def _difference(now, before):
    """Say what is different, and nothing else."""
    if isinstance(now, dict):
        keys = sorted(key for key in {*now, *before} if now.get(key) != before.get(key))
        return str({key: (now.get(key), "instead of", before.get(key)) for key in keys})[:1500]
    return f"{[x for x in now if x not in before]} not {[x for x in before if x not in now]}"[:1500]


def address():
    """Return this machine's own address, by which it reaches others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))
        return asked.getsockname()[0]


def _is_ready(item):
    seen = condition(item, "Ready")
    current = seen.get("observedGeneration") == item["metadata"]["generation"]
    return current and seen["status"] == "True"


def _is_refused(item):
    """Whether the present spec was judged to be wrong."""
    seen = condition(item, "Ready")
    current = seen.get("observedGeneration") == item["metadata"]["generation"]
    return current and seen.get("reason") == "InvalidSpec"


def _is_over(item):
    """Whether a run or an experiment says Finished and may go."""
    finished = (item.get("status") or {}).get("phase") == "Finished"
    return finished and not item["metadata"].get("finalizers")


def _has_injected(run):
    """Whether anything was seen to be injected."""
    journal = (run.get("status") or {}).get("journal", ())
    return any(entry.get("injectedAt") for entry in journal)


def _wrong(run):
    """Return what is wrong with a run; empty: nothing."""
    status = (run or {}).get("status") or {}
    if status.get("verdict") not in VERDICTS:
        return f"no verdict: {json.dumps(status)[:900]}"
    if run["metadata"].get("finalizers"):
        return "its finalizer is left"
    still_open = [e for e in status.get("journal", []) if e["state"] not in CLOSED]
    if still_open:
        return f"open journal: {still_open}"
    if status["verdict"] == "Passed" and not status.get("journal"):
        return "passed without an injection"
    return ""


def _miscounted(usual, counts, run):
    """Say what was injected more often than ever, or was not where the verdict says Passed."""
    for key, count in counts.items():
        if count > usual[key]:
            return f"injected {count} times instead of {usual[key]}: {key[:300]}"
    status = (run or {}).get("status") or {}
    if usual and status.get("verdict") == "Passed" and not any(counts.values()):
        return f"passed without an injection: {json.dumps(status['journal'])[:900]}"
    return ""


def _injecting(writes):
    """Return the writes between storing `Injecting` and storing `Injected`."""
    found, begun = [], False
    for write in writes:
        if "/status" in write.what and "chaosruns" in write.what:
            states = {e["state"] for e in json.loads(write.body)["status"].get("journal", ())}
            begun = states == {"Injecting"} if states else begun
        elif begun:
            found.append(write)
    return found


def experiment(fault, name, namespace):
    """Return the shortest useful experiment on what the scenario of the fault breaks."""
    step = _scenarios()[fault]
    arguments = dict(step[fault])
    if fault in POD_FAULTS:
        labels = {"app.kubernetes.io/name": POD_FAULTS[fault]}
        arguments["selector"] = {"labels": labels}
    if fault == "azNetworkPartition":  # where Aurora is not: it would fail over by itself
        arguments["zones"] = ["eu-west-1c"]
    if fault == "eksNodeDrain":
        arguments["selector"] = {"labels": {"pool": "spare"}}
    probe = {"name": "coffee", "timeout": "2s", "order": {"store": DRINKERS}}
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "ChaosExperiment",
        "metadata": {"name": name, "namespace": namespace, "annotations": AUTHOR},
        "spec": {
            "hypothesis": "Whatever dies, it is undone.",
            "steadyState": {"baseline": "2s", "probes": [probe]},
            "steps": [
                {"name": "break", "faults": [{fault: arguments, "mode": "one"}], "hold": "2s"}
            ],
            "consent": [fault] if faults()[fault].irreversible else [],
            "limits": {"maxTargets": 5, "maxPercent": 100, "maxDuration": "3m"},
        },
    }


def _scenarios():
    """The fault of each file in chaos/experiments, by name."""
    found = {}
    for path in sorted((ROOT / "chaos/experiments").glob("*.yaml")):
        (one,) = yaml.safe_load(path.read_text())["spec"]["steps"][0]["faults"]
        found[next(key for key in one if key in faults())] = one
    return found
