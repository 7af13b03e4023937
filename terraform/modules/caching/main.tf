# Two Redis-speaking stores: ElastiCache holds menus that can be read again, MemoryDB loyalty points that cannot. Both speak TLS only,
# and each has one user with one password, which is made here, kept in Secrets Manager, and never in the state.

locals {
  chaos_tags = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}

  port = 6379

  # read, write and scripts; of what shows or changes the server only INFO, by which the client says who answers
  access = "on ~* &* +@all -@admin -@dangerous +info"

  # what can be read again may be emptied too: AWS has no call for it, so its service does (the fault elasticacheFlush)
  cache_access = "${local.access} +flushdb"

  caches = {
    elasticache = "ElastiCache: menus"
    memorydb    = "MemoryDB: loyalty points"
  }
}

