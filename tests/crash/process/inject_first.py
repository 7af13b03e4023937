"""The bug of chaos-mesh, in a whole operator process: it injects before it records."""

from cloudcafe_operator.effects.execute import Executor, fault_spec
from cloudcafe_operator.faults.contract import Entry

_capture = Executor._capture


async def inject_first(self, observed, step):
    """Capture, inject, and only then let the journal be stored."""
    outcome = await _capture(self, observed, step)
    run = observed.run
    for entry in outcome.status.journal if outcome else ():
        fault = self.surveyor.faults[entry.fault]
        spec = fault_spec(fault, run.spec.template.steps[entry.step].faults[entry.slot])
        seen = Entry(run.uid, run.name, run.namespace, entry.target, entry.captured)
        await fault.inject(spec, seen, self.surveyor.world(run))
    return outcome


Executor._capture = inject_first
