"""The faults as the scenarios ship them, carried out on the stage by their own code."""

from __future__ import annotations

import uuid
from functools import partial

import httpx
import yaml
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.faults.contract import Entry
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.resources.common import parse

from dev.system import ROOT
from tests.consequences.guests import within
from tests.consequences.stage import TOKEN

NAMESPACE = "cafe"


class Broken:
    """The first fault of a shipped scenario, as it is shipped; `spec` changes what it says."""

    def __init__(self, stem, spec, world):
        scenario = yaml.safe_load((ROOT / f"chaos/experiments/{stem}.yaml").read_text())
        asked = dict(scenario["spec"]["steps"][0]["faults"][0])
        (name,) = (key for key in asked if key not in ("mode", "value"))
        self.fault, self.world = faults()[name], world
        self.spec = parse(self.fault.spec_type, asked[name] | spec)
        self.everywhere = asked.get("mode") == "all"

    async def __aenter__(self):
        targets = await self.fault.select(self.spec, self.world)
        assert targets, f"{self.fault.name} finds nothing"
        assert {one.opted_in for one in targets} == {True}
        uid = str(uuid.uuid4())
        self.entries = []
        for target in targets if self.everywhere else targets[:1]:
            captured = await self.fault.capture(self.spec, target, self.world)
            self.entries.append(Entry(uid, "a-run", NAMESPACE, target, captured))
        for entry in self.entries:
            await within(partial(self._not_yet, entry), "a target that nobody has touched")
            await within(partial(self._injected, entry), "the injection")
            in_force = partial(self.fault.in_force, self.spec, entry, self.world)
            await within(in_force, "its effect")
        return self

    async def __aexit__(self, *_):
        for entry in self.entries:
            undone = await within(partial(self.fault.revert, entry, self.world), "the undo")
            assert undone.outcome == "Reverted", undone.detail
            await within(partial(self.fault.verify, entry, self.world), "the undo to be seen")

    async def is_healthy(self):
        """Whether all targets are whole again."""
        return all([await self.fault.healthy(entry, self.world) for entry in self.entries])

    async def _not_yet(self, entry):
        return not await self.fault.in_force(self.spec, entry, self.world)

    async def _injected(self, entry):
        await self.fault.inject(self.spec, entry, self.world)
        return True


class AdminPorts:
    """Implements ports.Admin on the stage: a service's one process is all its pods."""

    def __init__(self, stage):
        self._stage = stage

    async def call(self, service, method, path, *, namespace, pod_ip="", json=None):  # noqa: PLR0913 - the port's signature
        url = f"http://127.0.0.1:{self._stage.processes[service].admin_port}{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            answer = await client.request(method, url, json=json)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise Unavailable(answer.text)
        answer.raise_for_status()
        return answer.json()
