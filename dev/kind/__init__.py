"""A kind cluster, also where no Docker engine runs and no registry is reachable."""
