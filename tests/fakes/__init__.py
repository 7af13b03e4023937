"""In-memory stand-ins for every port of the operator, shipped for all its tests.

They keep the rules that matter (resourceVersion, finalizers, ownership of what is applied) and
share one `Recorder`, so that a test can count every write and die before or after any of them.
"""

from tests.fakes.admin import FakeAdmin
from tests.fakes.aws import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.events import RecordedEvent, RecordedEvents
from tests.fakes.http import FakeHttp
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recorder import Call, Died, Recorder, Write

__all__ = [
    "Call",
    "Died",
    "FakeAdmin",
    "FakeAws",
    "FakeClock",
    "FakeHttp",
    "FakeKubernetes",
    "RecordedEvent",
    "RecordedEvents",
    "Recorder",
    "Write",
]
