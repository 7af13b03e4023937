"""Sampling in the background while a run lasts: one task per run, bounded, on its own clock.

`observe_run.py` starts and reads it. Samples are kept in memory and stored with the run's status;
after a restart sampling goes on from the stored ones, and the gap stays a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import structlog

from cloudcafe_operator.effects.probes import LONGEST_WHY, Customer
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.planning.moments import stamped_until
from cloudcafe_operator.planning.samples import MOST_SAMPLES, Sample, decode, interval_of
from cloudcafe_operator.ports import Clock
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.probe import Probe
from cloudcafe_operator.resources.run import Run

IN_FLIGHT = 16  # of one probe: what hangs must not make us hang, nor starve another probe
log = structlog.get_logger()


class Asked(NamedTuple):
    """A sample that was begun and has no answer yet; `at` as in Sample."""

    probe: str
    at: float


@dataclass
class Watch:
    """The sampling of one run."""

    run_uid: str
    namespace: str
    spec: ExperimentSpec
    started_at: datetime
    begun: float  # monotonic
    samples: dict[str, list[Sample]]
    offset: float  # seconds since the run's start, as counted last
    offset_at: float  # monotonic
    ordered: dict[str, tuple[Sample, ...]] = field(default_factory=dict)  # as last asked for
    troubles: dict[str, str] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)  # monotonic, by probe
    task: asyncio.Task[None] | None = None
    in_flight: dict[asyncio.Task[None], Asked] = field(default_factory=dict)

    def seconds(self, clock: Clock) -> float:
        """Return the seconds since the run's start; a clock that is set back takes none away.

        Samples that seemed older than those before them would hide that a probe fails.
        """
        now = clock.monotonic()
        wall = (clock.now() - self.started_at).total_seconds()
        self.offset = max(wall, self.offset + now - self.offset_at)
        self.offset_at = now
        return self.offset


class Sampler:
    """Samples for all runs. With `background` False only `round` samples, as tests want it."""

    def __init__(self, customer: Customer, clock: Clock, *, background: bool = True) -> None:
        self._customer = customer
        self._clock = clock
        self._background = background
        self._watches: dict[str, Watch] = {}

    def watch(self, run: Run) -> Mapping[str, tuple[Sample, ...]]:
        """See to it that a run is sampled; return its samples up to now."""
        watch = self._watches.get(run.uid)
        if watch is None:
            watch = self._start(run)
        for name, found in watch.samples.items():
            if len(found) != len(watch.ordered.get(name, ())):
                watch.ordered[name] = tuple(sorted(found))
        return {name: watch.ordered.get(name, ()) for name in watch.samples}

    def troubles(self, run_uid: str) -> Mapping[str, str]:
        """Return what each probe of a run met when it was bad last."""
        watch = self._watches.get(run_uid)
        return dict(watch.troubles) if watch else {}

    def waiting(self, run_uid: str) -> Mapping[str, float]:
        """Return when each probe began the first sample that still has no answer."""
        watch = self._watches.get(run_uid)
        first: dict[str, float] = {}
        for asked in watch.in_flight.values() if watch else ():
            first[asked.probe] = min(asked.at, first.get(asked.probe, asked.at))
        return first

    def offset(self, run_uid: str) -> float:
        """Return the seconds since a run's start by which its samples are counted."""
        watch = self._watches.get(run_uid)
        return watch.seconds(self._clock) if watch else 0.0

    def watched_seconds(self, run_uid: str) -> float:
        """Return for how long a run has been sampled by this process."""
        watch = self._watches.get(run_uid)
        return self._clock.monotonic() - watch.begun if watch else 0.0

    def stop(self, run_uid: str) -> None:
        """Stop sampling a run and forget its samples."""
        watch = self._watches.pop(run_uid, None)
        if watch is None:
            return
        for task in (*watch.in_flight, *([watch.task] if watch.task else [])):
            task.cancel()

    def stop_all(self) -> None:
        """Stop everything: the operator ends, or is no longer the leader."""
        for run_uid in list(self._watches):
            self.stop(run_uid)

    async def round(self) -> None:
        """Take all due samples and wait for them. For tests, which move the clock."""
        for watch in list(self._watches.values()):
            self._begin_due(watch)
            if watch.in_flight:
                await asyncio.gather(*watch.in_flight)

    def _start(self, run: Run) -> Watch:
        spec = run.spec.template
        stored = decode(run.status.probes)
        sampled = [one.at for found in stored.values() for one in found]
        begun = self._clock.monotonic()
        watch = Watch(
            run_uid=run.uid,
            namespace=run.namespace,
            spec=spec,
            started_at=run.status.started_at or self._clock.now(),
            begun=begun,
            offset=max([stamped_until(run.status), *sampled]),
            offset_at=begun,
            troubles={log.name: log.trouble for log in run.status.probes},
            samples={p.name: list(stored.get(p.name, ())) for p in spec.steady_state.sampled},
        )
        self._watches[run.uid] = watch
        if self._background:
            watch.task = asyncio.create_task(self._forever(watch), name=f"probe {run.name}")
        return watch

    async def _forever(self, watch: Watch) -> None:
        while True:
            self._begin_due(watch)
            nearest = min(watch.due.values()) - self._clock.monotonic()
            await asyncio.sleep(max(0.01, nearest))

    def _begin_due(self, watch: Watch) -> None:
        """Begin what is due; a beat that was missed is left out, not made up for."""
        now = self._clock.monotonic()
        for probe in watch.spec.steady_state.sampled:
            due = watch.due.get(probe.name, now)
            if now < due:
                continue
            every = interval_of(probe, watch.spec.limits.max_duration)
            watch.due[probe.name] = due + every if now < due + every else now + every
            taken = len(watch.samples[probe.name])
            asked = sum(one.probe == probe.name for one in watch.in_flight.values())
            if asked >= IN_FLIGHT or taken >= MOST_SAMPLES:
                continue
            at = round(watch.seconds(self._clock), 2)
            task = asyncio.create_task(self._sample(watch, probe, at))
            watch.in_flight[task] = Asked(probe.name, at)
            task.add_done_callback(watch.in_flight.pop)

    async def _sample(self, watch: Watch, probe: Probe, at: float) -> None:
        key = f"{watch.run_uid}-{probe.name}-{at:.2f}"
        try:
            seen = await self._customer.sample(probe, namespace=watch.namespace, key=key)
        except (OperatorError, TimeoutError) as problem:
            watch.troubles[probe.name] = f"no answer from whom it asks: {problem}"[:LONGEST_WHY]
            return
        except Exception:
            # a probe that breaks is a sample that is missing, never a run that is not driven on
            log.exception("probe failed", probe=probe.name, run=watch.run_uid)
            return
        watch.samples[probe.name].append(Sample(at, seen.result, seen.milliseconds))
        if seen.why:
            watch.troubles[probe.name] = seen.why
