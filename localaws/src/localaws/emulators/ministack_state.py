"""What ministack holds, as JSON documents, and back.

`snapshots` calls it. ministack can save itself, but only at its end, file by file and with all
requests waiting; the form of its states and the functions that take them back are its own.

Not kept, since ministack's own states lack it: the bodies of S3 objects, DynamoDB stream records,
the tokens of DynamoDB transactions. moto's services (EC2 and what is linked to it) are not kept.
"""

# ruff: noqa: SLF001 - the package has no public way to reach its state

from __future__ import annotations

import copy
import importlib
import json
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

RECORDS_PER_SHARD = 5_000
"""The newest ones that are kept: consumers of the cafe are seconds behind, and a load test's
hundred thousand would make the file and the memory to write it ten times as large."""


def documents(failed: dict[str, str]) -> Iterator[bytes]:
    """One document per service, ending with those that could not be encoded in `failed`.

    Call it only in a process that ends afterwards: it takes the state apart instead of copying it.
    """
    application = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    # get_state copies deeply, which here costs ten times the encoding and twice the memory
    copy.deepcopy = _itself  # type: ignore[assignment] # it need not take all that deepcopy takes
    _trim_streams()
    for name, get_state in application._build_persistence_save_dict().items():
        try:
            state = get_state()
            if state is None:
                continue
            version = persistence._state_format_version(name)
            section = {"service": name, "version": version, "state": state}
            yield json.dumps(section, default=persistence._json_default).encode()
        except (TypeError, ValueError, RuntimeError, AttributeError, KeyError) as error:
            failed[name] = repr(error)


def decoded(document: dict[str, Any]) -> Any:
    """The object_hook of json for what `documents` has written."""
    return importlib.import_module("ministack.core.persistence")._json_object_hook(document)


def restore(section: dict[str, Any]) -> None:
    """Take back one service's state; what it cannot use is logged, and the service starts empty."""
    application = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    name, version, state = section["service"], section["version"], section["state"]
    module_name = application._state_map.get(name)
    known = persistence._state_format_version(name)
    if module_name is None or version > known:
        log.error("state of a service not restored: from a newer ministack", service=name)
        return
    if not state:
        return
    module = application._get_module(module_name)
    try:
        if name == "rds":
            _restore_databases(module, state)
        else:
            module.load_persisted_state(state)
    except Exception:  # whatever its parser meets: the others must come back nevertheless
        log.exception("state of a service not restored", service=name)
        module.reset()


def _restore_databases(rds: Any, state: dict[str, Any]) -> None:
    """RDS without its containers.

    ministack would start them from threads, where there is no Docker end at "available" for all
    instances, and so start again what somebody has stopped. A failover under way is the
    consequence's to go on with; without one nothing is failing over.
    """
    instances, clusters = (state.get(each) for each in ("instances", "clusters"))
    statuses = {
        key: instance["DBInstanceStatus"]
        for key, instance in (instances._data if instances else {}).items()
    }
    # new members wait for it, and nobody will start what it stands for
    ready = {
        key: cluster["_shared_container_ready"]
        for key, cluster in (clusters._data if clusters else {}).items()
        if "_shared_container_ready" in cluster
    }
    rds._restore_state(state)
    for key, status in statuses.items():
        status_now = "available" if status == "rebooting" else status
        rds._instances._data[key]["DBInstanceStatus"] = status_now
    for key, cluster in rds._clusters._data.items():
        if key in ready:
            cluster["_shared_container_ready"] = ready[key]
        if cluster["Status"] == "failing-over":
            cluster["Status"] = "available"


def _itself(value: Any, _memo: dict[int, Any] | None = None) -> Any:
    return value


def _trim_streams() -> None:
    additions = importlib.import_module("localaws.emulators.ministack_additions")
    kinesis = importlib.import_module("ministack.services.kinesis")
    for stream in kinesis._streams._data.values():
        additions.keep_newest(stream, RECORDS_PER_SHARD)
