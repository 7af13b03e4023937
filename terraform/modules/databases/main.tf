# Where the cafe keeps what must not be lost: orders in Aurora PostgreSQL, stock, payments and the customers' histories in DynamoDB,
# menus in DocumentDB, figures in Redshift. Every password is made, kept and rotated by AWS; none is in the state.

locals {
  chaos_tags = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}

  # by this tag the plans of the backup module find what to keep; AWS Backup copies no Redshift snapshot to another Region
  backup_copied = { "cloudcafe.dev/backup" = "copied" }
  backup_local  = { "cloudcafe.dev/backup" = "local" }

  # port and purpose of each store that answers in the VPC
  stores = {
    aurora     = { port = 5432, description = "Aurora PostgreSQL: orders" }
    documentdb = { port = 27017, description = "DocumentDB: menus" }
    redshift   = { port = 5439, description = "Redshift: analytics" }
  }

  ways_in = {
    for way in setproduct(keys(local.stores), keys(var.allowed_security_group_ids)) :
    "${way[0]}-from-${way[1]}" => { store = way[0], peer = way[1] }
  }

  log_groups = toset([
    "/aws/rds/cluster/${var.name}/postgresql",
    "/aws/docdb/${var.name}-documentdb/audit",
    "/aws/docdb/${var.name}-documentdb/profiler",
    "/aws/redshift/cluster/${var.name}/connectionlog",
    "/aws/redshift/cluster/${var.name}/useractivitylog",
    "/aws/redshift/cluster/${var.name}/userlog",
  ])
}

data "aws_partition" "current" {}

# no egress rule: a store answers, it calls nobody
resource "aws_security_group" "store" {
  for_each = local.stores

  name        = "${var.name}-${each.key}"
  description = each.value.description
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "store" {
  for_each = local.ways_in

  security_group_id            = aws_security_group.store[each.value.store].id
  referenced_security_group_id = var.allowed_security_group_ids[each.value.peer]
  description                  = "${each.value.peer} to ${each.value.store}"
  ip_protocol                  = "tcp"
  from_port                    = local.stores[each.value.store].port
  to_port                      = local.stores[each.value.store].port
}

resource "aws_db_subnet_group" "this" {
  name        = "${var.name}-stores"
  description = "Aurora of ${var.name}"
  subnet_ids  = var.database_subnet_ids
}

# made before the stores: a group that a store makes for itself is kept for ever, and under no key of ours
resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_groups

  name              = each.key
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arns.logs
}
