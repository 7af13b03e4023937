"""Injections whose outcome was never stored: undone for as long as they may come to light.

Between the call and the store of `Injected` a run may be deleted, halted or taken over; the next
read may show what was before the call, and the call itself may take effect later than its undo.
"""

import copy

from cloudcafe_operator.errors import Conflict, Throttled, Unavailable
from cloudcafe_operator.kinds import CHAOS_RUNS

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import FAULTS, World, experiment
from tests.fakes import Died
from tests.fakes.aws_lambda import PAYMENTS

LATE_S = 5.0


class Shop:
    """A world with one fault, whose AWS may be wrapped; `before` is what must be again."""

    def __init__(self, fault, **changes):
        self.world = World()
        self.world.kubernetes.seed(experiment(fault, **changes))
        self.clock = self.world.clock

    def delete(self):
        """`kubectl delete chaosrun`."""
        (run,) = self.world.runs()
        meta = {**run["metadata"], "deletionTimestamp": "2026-03-01T09:00:10Z"}
        self.world.kubernetes._store({**run, "metadata": meta}, "MODIFIED")

    def wrap(self, service, operation, around):
        """Answer an operation with `around(handler, **parameters)`."""
        handler = self.world.aws._handlers[service, operation]
        self.world.aws.on(service, operation, lambda **asked: around(handler, **asked))

    def stale(self, service, read, *, once, seconds):
        """Let `read` show for some seconds what was before the first call of `once`."""
        told = {"until": 0.0, "before": None, "made": False}

        def look(handler, **asked):
            return handler(**asked) if self.clock.monotonic() >= told["until"] else told["before"]

        def make(handler, **asked):
            if not told["made"]:
                told["made"] = True
                told["before"] = copy.deepcopy(reading(**told_parameters(read, asked)))
                told["until"] = self.clock.monotonic() + seconds
            return handler(**asked)

        reading = self.world.aws._handlers[service, read]
        self.wrap(service, read, look)
        self.wrap(service, once, make)

    def late(self, service, call, reads):
        """Let the first `call` take effect only after it was given up, and a halt with it."""
        due, handler = [], self.world.aws._handlers[service, call]

        def come():
            while due and due[0][0] <= self.clock.monotonic():
                handler(**due.pop(0)[1])

        def give_up(_, **asked):
            due.append((self.clock.monotonic() + LATE_S, asked))
            self.world.halt()
            raise Unavailable("no answer within 8s")

        def look(handler, **asked):
            come()
            return handler(**asked)

        self.wrap(service, call, give_up)
        for read in reads:
            self.wrap(service, read, look)
        return due

    @property
    def run(self):
        return self.world.runs()[0]["status"]


def told_parameters(read, asked):
    """What to ask of a read to see what the call is about."""
    if read == "describe_network_acls":
        return {"Filters": [{"Name": "vpc-id", "Values": [asked["VpcId"]]}]}
    names = {"get_function_concurrency": ["FunctionName"], "get_queue_attributes": ["QueueUrl"]}
    extra = {"AttributeNames": ["All"]} if read == "get_queue_attributes" else {}
    return {name: asked[name] for name in names[read]} | extra


async def test_a_run_that_is_deleted_while_it_injects_leaves_nothing_though_reads_are_stale():
    shop = Shop("lambdaConcurrencyZero")
    functions = shop.world.parts["lambda"]
    shop.stale("lambda", "get_function_concurrency", once="put_function_concurrency", seconds=3.0)

    def delete_meanwhile(handler, **asked):
        answer = handler(**asked)
        if asked["ReservedConcurrentExecutions"] == 0:
            shop.delete()
        return answer

    shop.wrap("lambda", "put_function_concurrency", delete_meanwhile)
    engine = Engine(shop.world)
    for _ in range(80):
        await engine.tick()
        shop.clock.advance(1.0)
    assert shop.world.runs() == []
    assert functions.reserved[PAYMENTS] == 20


async def test_the_first_of_two_calls_is_undone_where_the_second_was_throttled():
    all_that_opted_in = {"tags": {"cloudcafe.dev/chaos": "allowed"}}
    fault = {"selector": all_that_opted_in, "zones": ["eu-west-1a"]}
    step = {"name": "cut", "faults": [{"azNetworkPartition": fault}], "hold": "4s"}
    shop = Shop("azNetworkPartition", steps=[step])
    zones = shop.world.parts["network"].zones
    before = copy.deepcopy(zones.state())
    shop.stale("ec2", "describe_network_acls", once="create_network_acl", seconds=3.0)
    calls = []

    def throttle_second(handler, **asked):
        calls.append(asked)
        if len(calls) == 2:
            shop.world.halt()
            raise Throttled("RequestLimitExceeded", after=1.0)
        return handler(**asked)

    shop.wrap("ec2", "replace_network_acl_association", throttle_second)
    await drive(shop.world, until=all_finished)
    assert len(calls) >= 3
    assert zones.state() == before


async def test_who_takes_a_run_over_waits_until_reads_show_what_the_dead_one_wrote():
    shop = Shop("sqsBacklog")
    queue = shop.world.parts["sqs"]
    before, deaths = queue.policy, []
    shop.stale("sqs", "get_queue_attributes", once="set_queue_attributes", seconds=55.0)

    def die_after_it(handler, **asked):
        answer = handler(**asked)
        if not deaths:
            deaths.append(asked)
            shop.world.halt()
            raise Died
        return answer

    shop.wrap("sqs", "set_queue_attributes", die_after_it)
    await drive(shop.world, until=all_finished, ticks=300)
    assert deaths
    assert queue.policy == before


async def test_a_revocation_that_comes_after_its_undo_is_undone_as_well():
    shop = Shop("securityGroupLockdown")
    groups = shop.world.parts["network"].groups
    before = groups.state()
    reads = ("describe_security_groups", "describe_security_group_rules")
    due = shop.late("ec2", "revoke_security_group_ingress", reads)
    await drive(shop.world, until=all_finished)
    assert due == []
    assert groups.state() == before


async def test_a_target_that_is_deregistered_after_its_undo_is_registered_again():
    shop = Shop("nlbTargetLoss")
    balancer = shop.world.parts["elbv2"]
    before = balancer.state()
    due = shop.late("elbv2", "deregister_targets", ("describe_target_health", "describe_tags"))
    await drive(shop.world, until=all_finished)
    assert due == []
    shop.clock.advance(600.0)  # for the balancer to find it healthy
    assert balancer.state() == before


async def test_what_nobody_has_tried_is_closed_at_once_and_what_was_tried_is_not():
    faults = [{name: FAULTS[name]} for name in ("lambdaConcurrencyZero", "dynamodbThrottle")]
    shop = Shop("lambdaConcurrencyZero", steps=[{"name": "both", "faults": faults, "hold": "4s"}])

    def slow_and_throttled(_, **asked):
        shop.world.halt()
        shop.clock.advance(2.0)  # so that the lever is read again
        raise Throttled("TooManyRequestsException", after=1.0)

    shop.wrap("lambda", "put_function_concurrency", slow_and_throttled)
    engine = Engine(shop.world)
    for _ in range(20):
        await engine.tick()
        shop.clock.advance(1.0)
    tried, untried = shop.run["journal"]
    assert (tried["state"], untried["state"]) == ("Injecting", "Reverted")
    await drive(shop.world, until=all_finished)


async def test_waiting_until_reads_can_be_believed_is_no_trouble():
    shop, calls = Shop("sqsBacklog"), []

    def throttle_first(handler, **asked):
        calls.append(asked)
        if len(calls) == 1:
            shop.world.halt()
            raise Throttled("busy", after=1.0)
        return handler(**asked)

    shop.wrap("sqs", "set_queue_attributes", throttle_first)
    await drive(shop.world, until=all_finished, ticks=300)
    assert "UndoFailing" not in shop.world.events.reasons


async def test_one_entry_of_a_group_does_not_take_the_mark_from_another():
    fault = FAULTS["securityGroupLockdown"]
    faults = [
        {"securityGroupLockdown": {**fault, "direction": way}} for way in ("Ingress", "Egress")
    ]
    step = {"name": "both", "faults": faults, "hold": "4s"}
    shop = Shop("securityGroupLockdown", steps=[step])
    groups = shop.world.parts["network"].groups
    before, calls = groups.state(), []

    def lose_answer(handler, **asked):
        answer = handler(**asked)
        calls.append(asked)
        if len(calls) == 1:
            shop.world.halt()
            shop.clock.advance(2.0)
            raise Unavailable("no answer within 8s")
        return answer

    shop.wrap("ec2", "revoke_security_group_ingress", lose_answer)
    await drive(shop.world, until=all_finished, ticks=300)
    assert calls
    assert groups.state() == before


async def test_what_an_undo_found_changed_is_told_though_a_later_one_finds_nothing():
    fault = {"selector": {"tags": {"cloudcafe.dev/chaos": "allowed"}}, "zones": ["eu-west-1a"]}
    step = {"name": "cut", "faults": [{"azNetworkPartition": fault}], "hold": "4s"}
    shop = Shop("azNetworkPartition", steps=[step])
    zones, calls = shop.world.parts["network"].zones, []

    def change_second(handler, **asked):
        answer = handler(**asked)
        calls.append(asked)
        if len(calls) == 2:
            shop.world.halt()
            shop.clock.advance(2.0)
            zones.guards["private-a"] = "acl-database"  # somebody else's
            raise Throttled("busy", after=1.0)
        return answer

    shop.wrap("ec2", "replace_network_acl_association", change_second)
    await drive(shop.world, until=all_finished, ticks=300)
    (entry,) = shop.run["journal"]
    assert entry["state"] == "Diverged"
    assert "private-a has acl-database now" in entry["detail"]


async def test_a_run_that_is_shown_as_it_was_before_its_undo_is_not_injected_again():
    shop = Shop("podPartition")
    kubernetes, past, shown = shop.world.kubernetes, [], []
    before, read = shop.world.snapshot(), shop.world.kubernetes.get

    async def get(ref):
        found = await read(ref)
        phase = (found or {}).get("status", {}).get("phase")
        if ref.resource == CHAOS_RUNS and phase in ("Recovering", "Finished") and not shown:
            shown.append(past[0])
            return past[0]
        return found

    async def patch_status(ref, status, **more):
        """The first store in each phase is lost to somebody else's, so that the run is read."""
        phase = read_now(ref).get("status", {}).get("phase")
        if ref.resource == CHAOS_RUNS and phase not in lost:
            lost.add(phase)
            raise Conflict("somebody wrote first")
        stored = await write(ref, status, **more)
        if stored["status"].get("journal", [{}])[0].get("state") == "Injecting":
            past.append(stored)
        return stored

    def read_now(ref):
        return kubernetes.find(ref.resource.kind, ref.name, ref.namespace)

    lost, write = set(), kubernetes.patch_status
    kubernetes.get, kubernetes.patch_status = get, patch_status
    await drive(shop.world, until=all_finished, ticks=200)
    assert shown
    assert shop.world.snapshot() == before
