"""An operator that does not look before it injects: a repeated injection happens twice."""

from cloudcafe_operator.faults.aurora_failover import AuroraFailover


async def inject(self, spec, entry, world):
    """Fail over, whatever was done before."""
    await world.aws.call("rds", "failover_db_cluster", DBClusterIdentifier=entry.target.name)
    return {}


AuroraFailover.inject = inject
