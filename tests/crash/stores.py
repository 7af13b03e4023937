"""A store's life from its manifest to its end, under every trouble, and what must hold after it."""

from cafectl import orphans
from cafectl.orphans_tags import Tagged

from tests.fakes import Died
from tests.fakes.stores import CLUSTER, ID, REF, StoreWorld


class Life:
    """One store: made, changed, deleted; its operators die and are started again."""

    def __init__(self, *, most_coffees=1):
        self.world = StoreWorld()
        self.most_coffees = most_coffees  # for one proof
        self.deaths = 0

    async def lived(self):
        """Live it to its end, looking in between; return what is wrong."""
        wrong = await self.opened()
        await self.meanwhile(self.world.kubernetes.patch(REF, {"spec": {"city": "Porto"}}))
        await self.settled()
        if self.world.cafe.stores[ID]["city"] != "Porto":
            wrong.append("a change of the spec was lost")
        await self.meanwhile(self.world.kubernetes.delete(REF))
        await self.settled()
        return wrong + doubled(self.world) + left(self.world)

    async def opened(self):
        """Make it and let it become Ready; return what is wrong."""
        await self.meanwhile(self.world.apply(tier="flagship"))
        await self.settled()
        wrong = [] if self.world.condition("Ready")[0] == "True" else ["never Ready"]
        if len(self.world.cafe.orders) > self.most_coffees:
            wrong.append(f"{len(self.world.cafe.orders)} coffees for one proof")
        return wrong + await busy_at_rest(self.world)

    async def meanwhile(self, deed):
        """Do what is not the operator's: no trouble hits it."""
        hook, self.world.recorder.hook = self.world.recorder.hook, None
        await deed
        self.world.recorder.hook = hook

    async def settled(self):
        """Let it come to rest, however often the operator dies."""
        for _ in range(5):
            try:
                return await self.world.settle()
            except Died:
                self.deaths += 1
                self.world.restart()
        raise AssertionError("it dies again and again")


def doubled(world):
    """Return what was made more than once."""
    return [f"{name} was made {n} times" for name, n in world.aws.made.items() if n > 1]


def left(world):
    """Return what is left of a store that is gone."""
    parts = {
        "Kubernetes": world.kubernetes.objects,
        "queues": world.aws.queues,
        "secrets": world.aws.secrets,
        "alarms": world.aws.extras.alarms,
        "dashboards": world.aws.extras.dashboards,
        "tables": world.aws.extras.tables,
        "stores": world.cafe.stores,
        "menus": world.cafe.menus,
        "stocks": world.cafe.stocks,
    }
    return [f"{name} left: {list(found)}" for name, found in parts.items() if found]


async def busy_at_rest(world):
    """Return the writes that a settled store costs."""
    world.recorder.forget()
    for _ in range(5):
        await world.reconcile()
        world.clock.advance(1)
    return [f"wrote at rest: {write.verb} {write.target}" for write in world.recorder.writes]


def swept(world):
    """Return what `cafectl orphans` finds once the cluster is lost, and what it does not find."""
    tagged = [
        *((q["attributes"]["QueueArn"], q["tags"]) for q in world.aws.queues.values()),
        *((s["ARN"], s["Tags"]) for s in world.aws.secrets.values()),
        *world.aws.extras.tags.items(),
    ]
    resources = [Tagged(arn, tags) for arn, tags in tagged]
    found = orphans.find(resources, orphans.Alive({}, frozenset(), CLUSTER, gone=True))
    missed = {one.arn for one in resources} - {one.arn for one in found}
    return found, missed
