"""The reasons that a store's conditions carry, and what to do about each.

The one list: `docs/conditions.md` is made of it, and a test compares it with what the code says.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """What it means; `remedy` is empty where nothing needs to be done."""

    meaning: str
    remedy: str = ""


REASONS = {
    "Ready": Reason("all is in place"),
    "Creating": Reason("work is under way"),
    "WaitingForStore": Reason("no coffee is bought before the store is complete"),
    "Verifying": Reason("a coffee was ordered, its confirmation has not come yet"),
    "Verified": Reason("a coffee was bought"),
    "NotConfirmed": Reason(
        "a coffee was ordered and not confirmed in time",
        "look at the order service's outbox and at inventory: `kubectl logs deploy/order`",
    ),
    "Rejected": Reason(
        "the order for a coffee was rejected", "the message has the service's reason: restock"
    ),
    "OrderRefused": Reason(
        "the order service did not take the order", "the message has its answer"
    ),
    "NotAcceptingOrders": Reason("spec.acceptingOrders is false", "set it to true to open"),
    "Closed": Reason("a coffee could be bought, but by its hours the store is closed"),
    "OwnedBySomeoneElse": Reason(
        "a resource of that name belongs to someone else, and is never touched",
        "rename the store, or have its owner remove it; what an earlier store of this name left, "
        "managementPolicy: Adopt takes over",
    ),
    "Unowned": Reason(
        "something of that name exists and has no owner",
        "managementPolicy: Adopt shows what taking it over would change; or remove it",
    ),
    "AwaitingAdoption": Reason(
        "something of that name exists and would be taken over",
        "look at status.adoption.changes and say its word by the annotation cloudcafe.dev/adopt",
    ),
    "Observed": Reason(
        "managementPolicy is Observe: nothing is made, corrected or bought",
        "managementPolicy: Adopt or Manage",
    ),
    "InvalidSpec": Reason("the spec asks for something impossible", "change what the message says"),
    "AccessDenied": Reason(
        "the operator lacks a permission, or AWS does not know its credentials",
        "grant the IAM action that the message names (terraform/modules/operator-access)",
    ),
    "ThrottledByAWS": Reason(
        "AWS asked us to slow down",
        "none: it is tried again, more and more slowly; where it lasts, ask AWS for a higher rate",
    ),
    "Throttled": Reason(
        "the API server or a service of the cafe asked us to slow down",
        "none: it is tried again, more and more slowly; where it lasts, see who else asks it much",
    ),
    "QuotaExceeded": Reason(
        "the account may have no more of it",
        "`cafectl orphans` finds what vanished stores left; else ask for more at Service Quotas",
    ),
    "Unavailable": Reason(
        "something did not answer", "none: it is tried again; the message says what to look at"
    ),
    "Waiting": Reason("not yet"),
    "Conflict": Reason("somebody wrote first", "none: it is tried again at once"),
    "AlreadyExists": Reason("it was made meanwhile", "none: it is looked at again"),
    "NotFound": Reason("it vanished meanwhile", "none: it is looked at again"),
    "Balanced": Reason(
        "the books of the last window's orders agree, and all damage found before was mended"
    ),
    "BooksDiffer": Reason(
        "the books disagree, or damage found before was not mended yet",
        "status.ledger names the first orders, the message has the audit that shows all; what "
        "nobody can mend is accepted by the annotation cloudcafe.dev/accept-damage with the moment "
        "of status.ledger.unmended.until, an hour after it",
    ),
    "NoOrders": Reason("no orders in that time, so no books to compare"),
    "Drifted": Reason(
        "something differs from the spec and the drift policy is Report",
        "status.drift has it; driftPolicy: Correct puts it right",
    ),
    "NoDrift": Reason("nothing differs"),
    "Ignored": Reason("driftPolicy is Ignore"),
    "Paused": Reason("spec.paused is true", "set it to false to go on"),
    "NotPaused": Reason("spec.paused is false"),
    "Deleting": Reason(
        "it is being deleted, and something blocks that",
        "status.deletion says what and since when; the annotation cloudcafe.dev/force-delete=true "
        "lets it go without",
    ),
    "Bug": Reason("an assumption of the operator is false", "tell us, with the operator's log"),
}
