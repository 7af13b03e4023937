"""The contract of a fault: what one file of this package promises to the engine.

The engine (planning/run.py decides, effects/execute.py acts) calls these in a fixed order for each
target and stores the journal in between; a fault never writes the journal, never selects by itself
what is allowed, never sleeps and never loops until something holds. The law:

1. `capture` reads all that undo needs. 2. The engine stores the entry as Injecting. 3. `inject`.
4. The engine stores Injected. 5. `revert` from the entry alone. 6. `verify`. 7. Reverted.

The operator may die between any two of these, and inside them: each is called again then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, TypeVar

from cloudcafe_operator.planning.shares import NOBODY, Capacity
from cloudcafe_operator.ports import Admin, Aws, Clock, Json, Kubernetes, Lists, Once
from cloudcafe_operator.resources.common import Model
from cloudcafe_operator.resources.run import Target


class FaultSpec(Model):
    """What a user writes under the fault's name; its docstring is what kubectl explain says."""


@dataclass(frozen=True, slots=True)
class World:
    """The effects a fault may use."""

    kubernetes: Kubernetes
    aws: Aws
    admin: Admin
    clock: Clock
    namespace: str  # the experiment's: Kubernetes targets live there and nowhere else by default
    lists: Lists  # for looking: what a write rests on is read by itself
    acts: Once  # what targets of a run make only once
    cluster: str  # the uid of this cluster: what a run makes or marks on AWS tells it


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry as a fault sees it: everything that undo may rely on."""

    run_uid: str
    run_name: str
    run_namespace: str
    target: Target
    captured: Json
    injected: Json = field(default_factory=dict)
    settling: bool = False  # what was injected may still come to light: this undo is not the last


@dataclass(frozen=True, slots=True)
class Undone:
    """How a revert ended. Diverged: somebody changed it since, and their value was kept."""

    outcome: Literal["Reverted", "Diverged"]
    detail: str = ""


Spec = TypeVar("Spec", bound=FaultSpec)


class Fault(ABC, Generic[Spec]):
    """One kind of fault. Subclasses hold no state; one instance serves all runs."""

    name: ClassVar[str]  # the key in the experiment: auroraFailover
    summary: ClassVar[str]  # one sentence for the catalogue
    spec_type: ClassVar[type[FaultSpec]]
    momentary: ClassVar[bool] = False  # done at once, the world heals itself: RTO counts from then
    iam_actions: ClassVar[tuple[str, ...]] = ()  # rds:FailoverDBCluster
    rbac: ClassVar[tuple[str, ...]] = ()  # "delete pods", "patch networking.k8s.io/networkpolicies"
    propagation_s: ClassVar[float] = 25.0  # a read may show what was before a write for so long
    apart: ClassVar[bool] = False  # targets share nothing: injected and undone side by side
    unproven: ClassVar[str] = ""  # why what `in_force` reads need not be felt by anybody
    irreversible: ClassVar[str] = ""  # why it cannot be undone, and how recovery is recognised

    @abstractmethod
    async def select(self, spec: Spec, world: World) -> Sequence[Target]:
        """Return every candidate the selector matches, opted in or not, in any order."""

    async def capacity(self, spec: Spec, targets: Sequence[Target], world: World) -> Capacity:
        """Return who serves where the chosen targets do, and whom they take away; read only.

        Nobody where the fault breaks what has no members, such as a table: that is lost whole.
        """
        return NOBODY

    def ends_after(self, spec: Spec) -> float | None:
        """Return after how many seconds it ends by itself; None: it stays until it is undone."""
        return None

    @abstractmethod
    async def capture(self, spec: Spec, target: Target, world: World) -> Json:
        """Read what undo needs. Raise UserError, saying why, where injecting must be refused."""

    @abstractmethod
    async def inject(self, spec: Spec, entry: Entry, world: World) -> Json:
        """Make the change unless it is there already; return what was put in place (for undo).

        Return {"already": True} where no call was needed: the engine judges whose act that was.
        Mark what it makes with the run's uid, on AWS with the cluster's as well. Safe to call again
        after a crash at any point. Raise Retry where the target is not ready for it yet.
        """

    @abstractmethod
    def calls(self, spec: Spec, target: Target) -> Sequence[str]:
        """Return the calls that inject and revert would make, for a preview. Pure."""

    @abstractmethod
    async def in_force(self, spec: Spec, entry: Entry, world: World) -> bool:
        """Whether the fault has taken effect, by reading the world (not our own memory)."""

    async def healthy(self, entry: Entry, world: World) -> bool:
        """Whether the target is whole again; asked after the undo, for momentary faults earlier.

        Part of the recovery that is measured: a target that stays broken fails the run.
        """
        return True

    @abstractmethod
    async def revert(self, entry: Entry, world: World) -> Undone:
        """Undo from the entry alone, whether or not inject ever happened.

        Restore only what still holds the injected value. A target that is gone is Reverted. While
        the entry is settling it is called again: the mark that says whose change it was stays.
        Raise Retry where the target cannot take the change yet.
        """

    def puts_back(self, entry: Entry) -> bool:
        """Whether undoing an entry puts anything back, so that it can be done too early. Pure."""
        return not self.momentary

    @abstractmethod
    async def verify(self, entry: Entry, world: World) -> bool:
        """Read back: the fault is gone and the target is healthy again as far as it can tell."""

    @abstractmethod
    def by_hand(self, entry: Entry) -> str:
        """Return the command that a human runs to undo it when the operator cannot."""
