"""What each method of the Kubernetes port asks of the API server, for `generate_rbac_calls.py`.

A test sends each through `effects/kubernetes.py` and compares.
"""

from __future__ import annotations

from cloudcafe_operator.kinds import PODS, SUBJECT_ACCESS_REVIEWS
from cloudcafe_operator.ports import Resource

#: What the methods of the API need: a verb, of the object or of a part of it.
VERBS: dict[str, tuple[str, ...]] = {
    "get": ("get",),
    "list": ("list",),
    "list_metadata": ("list",),
    "pages": ("list",),
    "is_served": ("list",),
    "watch": ("watch",),
    "create": ("create",),
    "apply": ("patch", "create"),  # what is not there is made
    "patch": ("patch",),
    "patch_status": ("patch /status",),
    "delete": ("delete",),
    "evict": ("create /eviction",),
    "may": ("create",),
    "close": (),
    "kopf.operator": ("list", "watch"),  # it does both of what it is told to watch
    # the owner's, where an owner reference holds up its owner's deletion: some API servers ask it
    "blockOwnerDeletion": ("update /finalizers",),
}
#: Of one kind, whatever they are given.
FIXED = {"may": SUBJECT_ACCESS_REVIEWS}
#: What each list of ports.Lists is a list of; None: of its first argument.
LISTS: dict[str, Resource | None] = {"pods": PODS, "fresh": None}
OF_ONE = ("get", "patch", "patch_status", "delete", "evict")  # their reference says where
MAKES = ("create", "apply")  # of these the manifest says where
