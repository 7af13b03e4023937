"""apiGatewayThrottle: lower what a stage of an HTTP API takes, until its callers get 429.

The stage's default limits are lowered; undo restores each where the lowered one still stands.
AWS can set a limit and cannot take one away again (left out, it becomes nought and refuses
everything), so that a stage without limits of its own is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, matches, opted_in
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.planning.restoring import restored
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

RATE, BURST = "ThrottlingRateLimit", "ThrottlingBurstLimit"
Limits = dict[str, float]


class ApiGatewayThrottleSpec(FaultSpec):
    """Lowers the limits of stages of HTTP APIs."""

    selector: AwsSelector = Field(description="Which stages, by their tags; names are the APIs'.")
    requests_per_second: int = Field(default=0, ge=0, le=10_000, description="The steady rate.")
    burst: int = Field(default=0, ge=0, le=5_000, description="How many at once.")


class ApiGatewayThrottle(Fault[ApiGatewayThrottleSpec]):
    """See the module's docstring."""

    name = "apiGatewayThrottle"
    summary = "Lowers the limits of an HTTP API's stage so that its callers get 429."
    spec_type = ApiGatewayThrottleSpec
    iam_actions = ("apigateway:GET", "apigateway:PATCH")

    async def select(self, spec: ApiGatewayThrottleSpec, world: World) -> Sequence[Target]:
        """Return the stages that match: a call for the APIs, and one for each API's stages."""
        found = []
        for api in await world.aws.pages("apigatewayv2", "get_apis", "Items"):
            if spec.selector.names and api["Name"] not in spec.selector.names:
                continue
            stages = await world.aws.pages(
                "apigatewayv2", "get_stages", "Items", ApiId=api["ApiId"]
            )
            for stage in stages:
                tags = stage.get("Tags") or {}
                target = f"/apis/{api['ApiId']}/stages/{stage['StageName']}"
                arn = next((one for one in spec.selector.arns if one.endswith(target)), target)
                if matches(spec.selector, arn, tags, api["Name"]):
                    name = f"{api['Name']} {stage['StageName']}"
                    found.append(Target(id=target, name=name, opted_in=opted_in(tags)))
        return found

    async def capture(self, spec: ApiGatewayThrottleSpec, target: Target, world: World) -> Json:
        """Note the limits that are and those that will be; refuse what could not be undone."""
        stage = await _stage(target, world)
        if stage.get("ApiGatewayManaged"):
            raise UserError("API Gateway manages this stage and lets nobody change it")
        was = _limits(stage)
        if was is None:
            raise UserError(
                "the stage has no limits of its own, and AWS takes none away again: set "
                "throttlingRateLimit and throttlingBurstLimit of its default route settings"
            )
        own = [key for key, one in (stage.get("RouteSettings") or {}).items() if RATE in one]
        if own:
            raise UserError(
                f"routes {', '.join(sorted(own))} have limits of their own, which the stage's do "
                "not lower: choose another stage"
            )
        wanted: Limits = {RATE: float(spec.requests_per_second), BURST: float(spec.burst)}
        if wanted == was or wanted[RATE] > was[RATE] or wanted[BURST] > was[BURST]:
            raise UserError(
                f"it takes {_words(was)}, the fault would let it take {_words(wanted)}: choose less"
            )
        return {"was": was, "wanted": wanted}

    async def inject(self, spec: ApiGatewayThrottleSpec, entry: Entry, world: World) -> Json:
        """Lower the limits unless that is done."""
        stage = await _stage(entry.target, world)
        limits = _limits(stage)
        if limits == entry.captured["wanted"]:
            return {"already": True}
        if limits != entry.captured["was"]:
            raise UserError(
                f"{entry.target.name} was changed since it was captured: apply it again"
            )
        await _update(entry, stage, entry.captured["wanted"], world)
        return {}

    def calls(self, spec: ApiGatewayThrottleSpec, target: Target) -> Sequence[str]:
        """Name the change and its undo."""
        to = f"{spec.requests_per_second} a second and {spec.burst} at once"
        return (f"apigateway:PATCH {target.name} takes {to}", "apigateway:PATCH back")

    async def in_force(self, spec: ApiGatewayThrottleSpec, entry: Entry, world: World) -> bool:
        """The stage has the lowered limits."""
        limits = _limits(await _stage(entry.target, world))
        return bool(limits == entry.captured["wanted"])

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Restore the limits, where ours still stand."""
        was = entry.captured["was"]
        try:
            stage = await _stage(entry.target, world)
            limits = _limits(stage)
            if limits is None:
                return Undone("Diverged", f"it has no limits now, it took {_words(was)}")
            found = restored(limits, was=was, wanted=entry.captured["wanted"])
            if found.is_ours:
                await _update(entry, stage, found.settings, world)
        except NotFound:
            return Undone("Reverted", "the stage is gone")
        if not found.is_theirs:
            return Undone("Reverted")
        return Undone("Diverged", f"it takes {_words(found.settings)} now, it took {_words(was)}")

    async def verify(self, entry: Entry, world: World) -> bool:
        """The stage no longer has a limit of ours."""
        try:
            limits = _limits(await _stage(entry.target, world))
        except NotFound:
            return True
        was, wanted = entry.captured["was"], entry.captured["wanted"]
        return limits is None or not restored(limits, was=was, wanted=wanted).is_ours

    def by_hand(self, entry: Entry) -> str:
        """Set the limits that were."""
        api, stage = _parts(entry.target)
        was = entry.captured["was"]
        settings = f"{RATE}={was[RATE]:g},{BURST}={was[BURST]:g}"
        return (
            f"aws apigatewayv2 update-stage --api-id {api} --stage-name '{stage}' "
            f"--default-route-settings {settings}"
        )


def _parts(target: Target) -> tuple[str, str]:
    """Return API and stage of /apis/<id>/stages/<name>."""
    _, _, api, _, stage = target.id.split("/", 4)
    return api, stage


async def _stage(target: Target, world: World) -> dict[str, Any]:
    api, stage = _parts(target)
    return await world.aws.call("apigatewayv2", "get_stage", ApiId=api, StageName=stage)


async def _update(entry: Entry, stage: Json, limits: Limits, world: World) -> None:
    """Change the limits only: what else the settings say now stays."""
    api, name = _parts(entry.target)
    settings = {
        **(stage.get("DefaultRouteSettings") or {}),
        RATE: float(limits[RATE]),
        BURST: int(limits[BURST]),
    }
    await world.aws.call(
        "apigatewayv2", "update_stage", ApiId=api, StageName=name, DefaultRouteSettings=settings
    )


def _limits(stage: Json) -> Limits | None:
    settings = stage.get("DefaultRouteSettings") or {}
    if RATE not in settings or BURST not in settings:
        return None
    return {RATE: float(settings[RATE]), BURST: float(settings[BURST])}


def _words(limits: Limits) -> str:
    return f"{limits[RATE]:g} a second and {limits[BURST]:g} at once"
