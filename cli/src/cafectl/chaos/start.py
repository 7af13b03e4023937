"""Starting a run: what `cafectl run` and `preview` write, and which run came of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cafectl.catalogue import version, versions
from cafectl.chaos.cluster import GROUP, Chaos, ClusterError, Manifest, Refused
from cafectl.chaos.follow import EVERY_S, Clock, Tell, follow, runs_of
from cafectl.chaos.view import Run

KIND, PLURAL = "ChaosExperiment", "chaosexperiments"
AGAIN = "cloudcafe.dev/run-again"
FOLDERS = (Path("chaos/experiments"), Path("chaos/gamedays"))
NAME = re.compile(r"[a-z0-9][-a-z0-9.]*")
START_S = 30.0
LONGEST_NAME = 45  # of an experiment whose preview's runs are named in labels
ONLY_FOR_RUNS = ("schedule", "history", "repeat", "paused")
JUDGED = frozenset({"Passed", "Failed"})  # only these are repeated
HINDRANCES = {("Ready", "False"), ("Paused", "True")}


def experiment_from(what: str, folders: Sequence[Path] = FOLDERS) -> dict[str, Any] | None:
    """Return the experiment of a file or scenario; None: it must be a name in the cluster.

    `what` is a path, or a scenario by number (`03`) or name (`aurora-failover`).
    """
    path = Path(what)
    if path.suffix in {".yaml", ".yml", ".json"} or "/" in what:
        if not path.is_file():
            raise Refused(f"there is no file {what}")
        return load(path)
    found = sorted(one for folder in folders for one in folder.glob("*.yaml") if _is(one, what))
    if len(found) > 1:
        raise Refused(f"{what} may mean {', '.join(map(str, found))}: give the whole path")
    return load(found[0]) if found else None


def load(path: Path) -> dict[str, Any]:
    """Read a file with exactly one ChaosExperiment."""
    try:
        documents = [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise Refused(f"{path} is no YAML: {problem}") from problem
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Refused(f"{path} holds {len(documents)} documents: one ChaosExperiment is wanted")
    found = documents[0]
    said = (found.get("apiVersion"), found.get("kind"))
    known = [(f"{GROUP}/{one}", KIND) for one in versions(PLURAL)]  # of one schema: all are taken
    named = (found.get("metadata") or {}).get("name")
    if said not in known or not named or not isinstance(found.get("spec"), dict):
        raise Refused(f"{path} is no {KIND} of {known[0][0]} with a name and a spec: it is {said}")
    return found


def start(chaos: Chaos, what: str, *, clock: Clock) -> Run:
    """Apply it and return its new run; what does not begin is not left to begin unwatched."""
    there, wanted = _found(chaos, what)
    name = (wanted or there or {})["metadata"]["name"]
    before = runs_of(chaos, name)
    busy = [run.name for run in before if not run.finished]
    if busy:
        raise Refused(f"{name} is running already: cafectl watch {busy[-1]}")
    known = frozenset(run.name for run in before)
    written = _ask(chaos, name, there, wanted)
    try:
        return wait_for_run(chaos, written, known, clock=clock)
    except ClusterError as hindrance:
        raise type(hindrance)(f"{hindrance}; {_take_back(chaos, there, written)}") from hindrance
    except KeyboardInterrupt as leaving:
        raise Refused(f"left before it began; {_take_back(chaos, there, written)}") from leaving


def next_repetition(chaos: Chaos, run: Run, *, clock: Clock) -> Run | None:
    """Return the run that repeats a finished one; None where it was the last, or was not judged."""
    experiment = chaos.get("chaosexperiments", run.experiment)
    wanted = experiment["spec"].get("repeat", 1) if experiment else 1
    if experiment is None or run.repetition >= wanted or run.status.verdict not in JUDGED:
        return None
    due = (run.generation, run.repetition + 1)
    others = (
        one.name
        for one in runs_of(chaos, run.experiment)
        if (one.generation, one.repetition) != due
    )
    return wait_for_run(chaos, experiment, frozenset(others), clock=clock)


def preview(chaos: Chaos, what: str, *, clock: Clock, tell: Tell) -> Run:
    """Resolve what a run would hit: an experiment in mode Preview, removed afterwards."""
    there, given = _found(chaos, what)
    wanted = given or there or {}
    name = f"{wanted['metadata']['name'][:LONGEST_NAME]}-preview-{uuid.uuid4().hex[:6]}"
    spec = {key: value for key, value in wanted["spec"].items() if key not in ONLY_FOR_RUNS}
    made = chaos.create(
        "chaosexperiments", _manifest(name, chaos.namespace, spec | {"mode": "Preview"})
    )
    try:
        run = wait_for_run(chaos, made, frozenset(), clock=clock)
        return follow(chaos, run.name, clock=clock, tell=tell)
    finally:
        chaos.delete("chaosexperiments", name)


def _found(chaos: Chaos, what: str) -> tuple[Manifest | None, Manifest | None]:
    """Return the experiment as it is in the cluster, and as a file wants it.

    A bare name means the cluster's experiment: a scenario of that name must not overwrite it.
    """
    named = chaos.get("chaosexperiments", what) if NAME.fullmatch(what) else None
    wanted = None if named else experiment_from(what)
    if named or wanted:
        meta = (named or wanted or {})["metadata"]
        if (said := meta.get("namespace") or chaos.namespace) != chaos.namespace:
            raise Refused(f"{what} is of namespace {said}, not of {chaos.namespace}: add -n {said}")
        return named or chaos.get("chaosexperiments", meta["name"]), wanted
    raise Refused(
        f"{what} is no file, no scenario of {' or '.join(map(str, FOLDERS))} and no experiment in "
        f"namespace {chaos.namespace}"
    )


def wait_for_run(chaos: Chaos, experiment: Manifest, known: frozenset[str], *, clock: Clock) -> Run:
    """Return the experiment's first run that is not among the known; Refused, saying why not."""
    meta = experiment["metadata"]
    began = clock.monotonic()
    while clock.monotonic() - began < START_S:
        for run in reversed(runs_of(chaos, meta["name"])):
            if run.experiment_uid == meta["uid"] and run.name not in known:
                return run
        for condition in _conditions(chaos, meta["name"]):
            if (condition["type"], condition["status"]) in HINDRANCES:
                raise Refused(f"{meta['name']} does not begin: {condition.get('message', '')}")
        clock.sleep(EVERY_S / 4)
    raise Refused(
        f"{meta['name']} did not begin within {START_S:.0f} s: is the operator there "
        f"(kubectl -n {chaos.operator_namespace} get deploy)?"
    )


def _ask(chaos: Chaos, name: str, there: Manifest | None, wanted: Manifest | None) -> Manifest:
    """Create it, or make it be as wanted and ask for one more run."""
    spec = (wanted or there or {})["spec"]
    if spec.get("paused"):
        raise Refused(f"{name} is paused: set spec.paused to false first")
    meta = dict((there or wanted or {})["metadata"])
    if there or spec.get("schedule"):  # a new one without a schedule begins by itself
        meta["annotations"] = {**(meta.get("annotations") or {}), AGAIN: uuid.uuid4().hex}
    if there:
        return chaos.replace("chaosexperiments", {**there, "metadata": meta, "spec": spec})
    kept = {key: meta[key] for key in ("labels", "annotations") if meta.get(key)}
    return chaos.create("chaosexperiments", _manifest(name, chaos.namespace, spec, **kept))


def _take_back(chaos: Chaos, there: Manifest | None, written: Manifest) -> str:
    """Make it be as it was before `_ask`; say how it is."""
    name = written["metadata"]["name"]
    try:
        if there is None:
            chaos.delete("chaosexperiments", name)
            return "it was removed again"
        now = chaos.get("chaosexperiments", name)
        if now is None:
            return "somebody removed it"
        _replace_wish(chaos, now, there, written)
    except ClusterError as problem:
        by_hand = f"kubectl -n {chaos.namespace} delete chaosexperiment {name}"
        return f"it may still begin, for it could not be taken back ({problem}): {by_hand}"
    return "it is again as it was"


def _replace_wish(chaos: Chaos, now: Manifest, there: Manifest, written: Manifest) -> None:
    """Put back the wish and the spec of before, but no spec that somebody else wrote meanwhile."""
    before, after = (one["metadata"].get("annotations") or {} for one in (there, now))
    kept = {key: value for key, value in after.items() if key != AGAIN}
    wish = {AGAIN: before[AGAIN]} if AGAIN in before else {}
    meta = {**now["metadata"], "annotations": kept | wish}
    spec = there["spec"] if now["spec"] == written["spec"] else now["spec"]
    chaos.replace("chaosexperiments", {**now, "metadata": meta, "spec": spec})


def _manifest(name: str, namespace: str, spec: Any, **meta: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **meta}
    api_version = f"{GROUP}/{version(PLURAL)}"
    return {"apiVersion": api_version, "kind": KIND, "metadata": metadata, "spec": spec}


def _conditions(chaos: Chaos, name: str) -> list[Mapping[str, Any]]:
    found = chaos.get("chaosexperiments", name)
    return list(((found or {}).get("status") or {}).get("conditions") or [])


def _is(path: Path, what: str) -> bool:
    number, _, name = path.stem.partition("-")
    return what == path.stem or (number.isdigit() and what in {number, name})
