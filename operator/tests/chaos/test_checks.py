"""The checklist: every refusal names the field and the remedy."""

from datetime import UTC, datetime

import pytest
from cloudcafe_operator.planning.checks import CHECKS, refusals
from cloudcafe_operator.planning.findings import Findings, Slot
from cloudcafe_operator.planning.guards import Reach, guards
from cloudcafe_operator.planning.shares import Capacity, Member
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import Target

from tests.crash.worlds import experiment_spec


def target(**fields):
    values = {"id": "Pod/shop/p1", "name": "p1", "namespace": "shop", "opted_in": True}
    return Target(**(values | fields))


def findings(*targets, slot=None, spec=None, **fields):
    found = slot or Slot(0, 0, "podKill", matched=len(targets), chosen=tuple(targets))
    read = ExperimentSpec.model_validate(spec or experiment_spec("podKill"))
    return Findings(read, "shop", (found,), known_faults=("podKill",), **fields)


def many(number, size):
    return [
        target(id=f"Pod/shop/p{n}", name=f"p{n}", group="Deployment order", group_size=size)
        for n in range(number)
    ]


NINE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RUSH = guards(
    [
        {
            "metadata": {"name": "soho", "namespace": "shop"},
            "spec": {
                "timezone": "Europe/London",
                "chaos": {
                    "protectedHours": [{"start": "07:00", "end": "11:00"}],
                    "maxConcurrent": 1,
                },
            },
        }
    ]
)


def losing(number, limits=None, **member):
    everyone = frozenset(Member(f"Pod/shop/p{n}", **member) for n in range(3))
    lost = frozenset(f"Pod/shop/p{n}" for n in range(number))
    capacity = Capacity(everyone, lost)
    slot = Slot(0, 0, "podKill", chosen=tuple(many(number, 9)), capacity=capacity)
    spec = experiment_spec("podKill")
    return findings(slot=slot, spec=spec | {"limits": spec["limits"] | (limits or {})})


def with_url(url):
    spec = experiment_spec("podKill")
    spec["steadyState"]["probes"][0]["http"]["url"] = url
    return spec


def served_in_force(*, hold, within):
    spec = experiment_spec("podKill")
    spec["steps"][0] |= {"hold": hold, "recovery": {"within": within, "whileInForce": True}}
    return spec


def asked_every(interval):
    spec = experiment_spec("podKill", limits={"maxDuration": "10m"})
    spec["steadyState"]["probes"][0]["every"] = interval
    return spec


REFUSED = {
    "UnknownFault": (
        lambda: findings(slot=Slot(0, 0, "podTickle", known=False)),
        "podTickle is no fault of this operator: use one of podKill",
    ),
    "InvalidFault": (
        lambda: findings(slot=Slot(0, 0, "podKill", problem="selector: Field required")),
        "steps[0].faults[0].podKill: selector: Field required",
    ),
    "NoTargets": (findings, "podKill.selector matches nothing: correct it"),
    "SystemNamespace": (
        lambda: findings(target(namespace="kube-system")),
        "kube-system is never a target, choose another namespace",
    ),
    "OperatorTargeted": (
        lambda: findings(target(protected="is the operator itself")),
        "which is the operator itself: narrow the selector",
    ),
    "NotAllowed": (
        lambda: findings(target(), author="ada", out_of_reach=frozenset({"other"})),
        "grant verb inject on faults.cloudcafe.dev in other",
    ),
    "NotOptedIn": (
        lambda: findings(target(opted_in=False)),
        "kubectl label namespace shop cloudcafe.dev/chaos=allowed",
    ),
    "TooManyTargets": (lambda: findings(*many(3, 9)), "3 targets and limits.maxTargets is 2"),
    "TooManyInAll": (
        lambda: findings(*many(501, 9000)),
        "501 targets in all and its journal has room for 500",
    ),
    "TooManyZones": (
        lambda: findings(target(zone="eu-west-1a"), target(id="b", zone="eu-west-1b")),
        "would hit eu-west-1a, eu-west-1b and limits.maxZones is 1: narrow the selector to a zone",
    ),
    "TooLargeShare": (
        lambda: findings(*many(2, 3)),
        "2 of 3 of Deployment order and limits.maxPercent is 50: hit fewer",
    ),
    "TooMuchOfService": (
        lambda: losing(2, service="shop/order"),
        "step break would leave 1 of 3 of service shop/order and limits.maxPercent is 50: hit",
    ),
    "TooMuchOfZone": (
        lambda: losing(2, limits={"maxZonePercent": 60}, zone="eu-west-1a"),
        "would leave 1 of 3 of zone eu-west-1a and limits.maxZonePercent is 60: hit fewer",
    ),
    "TooShort": (
        lambda: findings(target(), spec=experiment_spec("podKill", limits={"maxDuration": "7s"})),
        "limits.maxDuration is 7s: raise it",
    ),
    "HoldTooLong": (
        lambda: findings(slot=Slot(0, 0, "podKill", chosen=(target(),), ends_after=4.0)),
        "step break holds for 4s and podKill ends by itself after 4s: hold for less",
    ),
    "HoldTooShort": (
        lambda: findings(target(), spec=served_in_force(hold="59s", within="60s")),
        "step break holds for 59s and promises recovery within 60s while its faults are in force",
    ),
    "SampledTooSeldom": (
        lambda: findings(target(), spec=asked_every("61s")),
        "step break promises recovery within 60s, and probe menu is asked every 1m1s: ask it more",
    ),
    "ConsentMissing": (
        lambda: findings(
            slot=Slot(0, 0, "podKill", chosen=(target(),), irreversible="forgets everything"),
            spec=experiment_spec("podKill") | {"consent": []},
        ),
        "podKill forgets everything: add podKill to consent[] to agree",
    ),
    "ProbeRefused": (
        lambda: findings(target(), spec=with_url("http://169.254.169.254/latest")),
        "probes[menu].http.url points at 169.254.169.254",
    ),
    "StopConditionUnsafe": (
        lambda: findings(target(), unsafe={"slo": "there is no alarm slo: create it"}),
        "stopWhen[] rests on probe slo, which is not good now: there is no alarm slo: create it",
    ),
    "TargetBusy": (
        lambda: findings(target(), busy={"Pod/shop/p1": "shop/other-1"}),
        "held by run shop/other-1: wait until that run is finished",
    ),
    "StoreProtected": (
        lambda: findings(target(), guards=RUSH, now=NINE),
        "Sun 11:00 Europe/London (its spec.chaos.protectedHours): run it later",
    ),
    "StoreBusy": (
        lambda: findings(
            target(),
            guards=RUSH,
            now=NINE,
            others={"elsewhere/other-1": Reach(owners=frozenset({"shop/soho"}))},
        ),
        "soho bears 1 run at once (its spec.chaos.maxConcurrent) and is touched by elsewhere/other",
    ),
    "CaptureRefused": (
        lambda: findings(
            slot=Slot(0, 0, "podKill", chosen=(target(),), refused={"Pod/shop/p1": "it sleeps"})
        ),
        "podKill on Pod/shop/p1: it sleeps",
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refuses_with_the_field_and_the_remedy(reason):
    made, sentence = REFUSED[reason]
    found = refusals(made())
    assert reason in [refusal.reason for refusal in found]
    assert sentence in next(r.message for r in found if r.reason == reason)


def test_each_check_of_the_list_is_tested():
    assert {reason for reason, _ in CHECKS} == set(REFUSED)


@pytest.mark.parametrize(
    "url", ["http://localhost:9090/metrics", "http://[::1]/", "http://127.0.0.1"]
)
def test_a_probe_does_not_reach_the_operators_own_ports(url):
    assert [r.reason for r in refusals(findings(target(), spec=with_url(url)))] == ["ProbeRefused"]


def test_a_half_of_a_workload_may_be_hit_when_half_is_the_limit():
    assert refusals(findings(*many(1, 2))) == ()


def test_an_author_whom_the_cluster_does_not_know_is_told_how_to_be_known():
    (refusal,) = refusals(findings(target(), out_of_reach=frozenset({"other"})))
    assert refusal.reason == "NotAllowed"
    assert "name yourself in the annotations cloudcafe.dev/created-by" in refusal.message
