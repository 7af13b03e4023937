# Two Redis-speaking stores: ElastiCache holds menus that can be read again, MemoryDB loyalty points that cannot. Both speak TLS only,
# and each has one user with one password, which is made here, kept in Secrets Manager, and never in the state.

locals {
  chaos_tags = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}

  port = 6379

  # read, write and scripts; of what shows or changes the server only INFO, by which the client says who answers
  access = "on ~* &* +@all -@admin -@dangerous +info"

  caches = {
    elasticache = "ElastiCache: menus"
    memorydb    = "MemoryDB: loyalty points"
  }

  ways_in = {
    for way in setproduct(keys(local.caches), keys(var.allowed_security_group_ids)) :
    "${way[0]}-from-${way[1]}" => { cache = way[0], peer = way[1] }
  }
}

# no egress rule: a cache answers, it calls nobody
resource "aws_security_group" "cache" {
  for_each = local.caches

  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "cache" {
  for_each = local.ways_in

  security_group_id            = aws_security_group.cache[each.value.cache].id
  referenced_security_group_id = var.allowed_security_group_ids[each.value.peer]
  description                  = "${each.value.peer} to ${each.value.cache}"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}
