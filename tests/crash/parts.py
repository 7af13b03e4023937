"""Further AWS services of the small worlds: one file each, found by its name.

`tests/fakes/aws_<service>.py` has FAULTS (their specs), `build(world)`, whose result is part of
every world, and RARE_ACTIONS: what only a case needs that the common test does not meet.
"""

import importlib
import pkgutil

from cloudcafe_operator.faults.pods import RBAC_OF_WORKLOADS

import tests.fakes

PARTS = [
    importlib.import_module(f"tests.fakes.{found.name}")
    for found in pkgutil.iter_modules(tests.fakes.__path__)
    if found.name.startswith("aws_")
]
RARE_ACTIONS = {"dynamodb:ListTagsOfResource", *RBAC_OF_WORKLOADS}.union(
    *(getattr(part, "RARE_ACTIONS", ()) for part in PARTS)
)
