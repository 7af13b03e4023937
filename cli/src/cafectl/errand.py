"""Commands that speak with the cafe's services, run inside the cluster from outside it.

Nobody outside reaches the services, and a port-forward dies with its pod, which is just when one
wants to know. So the chart has a suspended CronJob for each kind of errand, with image, network
tickets and secrets; this makes a Job of it with the words of the command, shows what it says, and
ends as it ended.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

import typer

from cafectl.chaos.cluster import Gone, Refused, Unreachable
from cafectl.chaos.errors import told
from cafectl.chaos.follow import Clock, SystemClock
from cafectl.errand_cluster import Kubernetes
from cafectl.plain import printable

GUESTS, BOOKS = "cafectl-guests", "cafectl-books"
INTERRUPTED = 130
EVERY_S = 0.5
BEGINS_WITHIN_S = 120.0  # the image may have to be pulled
LOST_S = 120.0  # so long is its log opened again: laptops sleep, API servers are replaced
HOPELESS = frozenset({"CreateContainerConfigError", "ErrImageNeverPull", "InvalidImageName"})


@dataclass(frozen=True, slots=True)
class Pod:
    """How far an errand is: the pod's phase, why it waits, and the code with which it ended."""

    name: str
    phase: str
    waiting: str = ""
    message: str = ""
    exit_code: int | None = None


class Place(Protocol):
    """What an errand needs of the cluster."""

    @property
    def namespace(self) -> str:
        """Where the chart is installed."""
        ...

    def template(self, name: str) -> Mapping[str, Any]:
        """Return a CronJob; Gone where there is none."""
        ...

    def begin(self, job: Mapping[str, Any]) -> str:
        """Create a Job and return its name."""
        ...

    def pod(self, job: str) -> Mapping[str, Any] | None:
        """Return the Job's pod as a manifest, None before there is one."""
        ...

    def lines(self, pod: str) -> Iterator[str]:
        """Follow what a pod says, until it ends."""
        ...

    def ask_to_end(self, pod: str) -> None:
        """Send SIGTERM to the pod's first process."""
        ...

    def remove(self, job: str) -> None:
        """Delete the Job and its pod; already gone is success."""
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done: the kind of errand, the words, and whose till pays, if any."""

    kind: str
    words: Sequence[str]
    till: str = ""
    #: it ends by itself with an account when asked to; else Ctrl-C removes it
    accounts: bool = False


def outside() -> bool:
    """Whether this process runs outside a cluster, where no service has a name."""
    return "KUBERNETES_SERVICE_HOST" not in os.environ


def send(namespace: str, errand: Errand) -> None:
    """Run it in the cluster of the current kubeconfig and end with its exit code."""
    with told():
        raise typer.Exit(run(Kubernetes(namespace), errand, _say, SystemClock()))


def _say(said: str) -> None:
    """Print what the pod said: services' answers are in it."""
    typer.echo(printable(said))


def run(place: Place, errand: Errand, say: Callable[[str], None], clock: Clock) -> int:
    """Run it and return its exit code; its Job is gone afterwards.

    Raises:
        Refused: the chart is not there, or the pod cannot begin.
        Unreachable: the API server does not answer. What has begun goes on: its Job is left.
    """
    try:
        template = place.template(errand.kind)
    except Gone as problem:
        raise Refused(
            f"namespace {place.namespace} has no CronJob {errand.kind}, so the chart is not"
            " installed there: use -n, or give the services' addresses (see --help)"
        ) from problem
    job = place.begin(job_of(template, errand))
    goes_on = False
    try:
        pod = _begun(place, job, clock)
        with _interruptible(place, errand, pod):
            return _told(place, job, pod, say, clock)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Unreachable as problem:
        goes_on = True
        raise Unreachable(
            f"{problem}. It goes on: kubectl -n {place.namespace} logs -f job/{job}; to end it: "
            f"kubectl -n {place.namespace} delete job {job}"
        ) from problem
    finally:
        if not goes_on:
            place.remove(job)


def _told(place: Place, job: str, pod: Pod, say: Callable[[str], None], clock: Clock) -> int:
    """Say each line once, however often the log breaks off; return how the pod ended."""
    said, latest = 0, clock.monotonic() + LOST_S
    while True:
        try:
            for number, line in enumerate(place.lines(pod.name)):
                if number >= said:
                    say(line)
                    said, latest = number + 1, clock.monotonic() + LOST_S
            code = _code(place, job)
        except Unreachable:
            if clock.monotonic() > latest:
                raise
        else:
            if code is not None:
                return code
            if clock.monotonic() > latest:
                raise Unreachable(f"what pod {pod.name} says breaks off again and again")
        clock.sleep(EVERY_S)


def _code(place: Place, job: str) -> int | None:
    """Return how a pod ended; None while it runs."""
    found = place.pod(job)
    if found is None:
        raise Refused(f"the pod of job {job} went away before it ended: how it ended is not known")
    return read(found).exit_code


def job_of(template: Mapping[str, Any], errand: Errand) -> dict[str, Any]:
    """Return the Job of an errand: the template's, with its words and its till's key. Pure."""
    spec = template["spec"]["jobTemplate"]["spec"]
    container = dict(spec["template"]["spec"]["containers"][0])
    environment = [*(container.get("env") or ())]
    if errand.till:
        secret = {"name": f"{errand.till}-till", "key": "key"}
        environment.append({"name": "CAFE_TILL_KEY", "valueFrom": {"secretKeyRef": secret}})
    container |= {"args": [*errand.words], "env": environment}
    pod_spec = {**spec["template"]["spec"], "containers": [container]}
    pod = {**spec["template"], "spec": pod_spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": f"cafectl-{errand.words[0]}-"},
        "spec": {**spec, "template": pod},
    }


def read(manifest: Mapping[str, Any]) -> Pod:
    """Return how far a pod is."""
    status = manifest.get("status") or {}
    states = [one.get("state") or {} for one in status.get("containerStatuses") or ()]
    state = states[0] if states else {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    unscheduled = [
        one.get("message", "")
        for one in status.get("conditions") or ()
        if one["type"] == "PodScheduled" and one["status"] == "False"
    ]
    return Pod(
        name=manifest["metadata"]["name"],
        phase=status.get("phase", "Pending"),
        waiting=waiting.get("reason", ""),
        message=waiting.get("message", "") or " ".join(unscheduled),
        exit_code=ended.get("exitCode"),
    )


def _begun(place: Place, job: str, clock: Clock) -> Pod:
    until = clock.monotonic() + BEGINS_WITHIN_S
    while True:
        found = place.pod(job)
        pod = read(found) if found else None
        if pod and pod.phase != "Pending":
            return pod
        if pod and pod.waiting in HOPELESS:
            raise Refused(f"pod {pod.name} cannot begin: {pod.message or pod.waiting}")
        if clock.monotonic() > until:
            why = f": {pod.message or pod.waiting}" if pod else ", it has no pod"
            raise Refused(
                f"job {job} did not begin within {BEGINS_WITHIN_S:.0f} s{why}"
                f" (kubectl -n {place.namespace} get events)"
            )
        clock.sleep(EVERY_S)


@contextmanager
def _interruptible(place: Place, errand: Errand, pod: Pod) -> Iterator[None]:
    """Ask a trickle to account for its orders at the first Ctrl-C; the second one leaves."""
    if not errand.accounts:
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def ask(_number: int, _frame: FrameType | None) -> None:
        for one, handler in before.items():
            signal.signal(one, handler)
        place.ask_to_end(pod.name)

    for number in numbers:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
