"""A store that is made, ready, changed and deleted, while the operator is killed."""

import itertools
import json

from cloudcafe_operator.resources.store import FORCE_DELETE, example

from tests.crash.owners import STORE
from tests.integration.cluster import condition

CITIES = itertools.count(1)


class StoreLife:
    """A store from its making to its end, one step at a time."""

    def __init__(self, fleet, name):
        self._fleet, self._name = fleet, name
        self.story, self.over, self.last = "made", False, ""
        manifest = example()
        manifest["metadata"] = {"name": name, "namespace": fleet.namespace}
        assert fleet.send("POST", "cafestores", manifest), manifest

    def step(self):
        """Look, and do what is next."""
        item = self._fleet.items("cafestores").get(self._name)
        self.last = json.dumps((item or {}).get("status"))[:1500]
        if self.story == "deleted" and item is None:
            self.over = True
            self._fleet.trap.over(STORE)
        if item is not None and self.story != "deleted" and _is_refused(item):
            self._change(f"Leeds {next(CITIES)}")
        if item is None or self.story == "deleted" or not _is_ready(item):
            return
        if self.story == "made":
            self._change("Leeds")
            self.story = "changed"
        else:
            self._fleet.send("DELETE", f"cafestores/{self._name}")
            self.story = "deleted"

    def end(self):
        """Take away a store that is stuck, or the rounds to come would find what it left."""
        if not self.over:
            store = (f"store/{self._name}", "-n", self._fleet.namespace)
            self._fleet.cluster.kubectl("annotate", *store, f"{FORCE_DELETE}=true")
            self._fleet.cluster.kubectl("delete", *store, "--ignore-not-found", "--timeout=50s")

    def _change(self, city):
        """Change the spec, as an owner does; also to have a refusal looked at again."""
        change = {"spec": {"city": city}}
        assert self._fleet.send("PATCH", f"cafestores/{self._name}", change), change


def _is_ready(item):
    seen = condition(item, "Ready")
    current = seen.get("observedGeneration") == item["metadata"]["generation"]
    return current and seen["status"] == "True"


def _is_refused(item):
    """Whether the present spec was judged to be wrong."""
    seen = condition(item, "Ready")
    current = seen.get("observedGeneration") == item["metadata"]["generation"]
    return current and seen.get("reason") == "InvalidSpec"
