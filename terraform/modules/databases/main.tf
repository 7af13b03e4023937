# Where the cafe keeps what must not be lost: orders in Aurora PostgreSQL, stock, payments and the customers' histories in DynamoDB,
# menus in DocumentDB, figures in Redshift. Every password is made, kept and rotated by AWS; none is in the state.

locals {
  chaos_tags = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}

  # by this tag the plans of the backup module find what to keep; AWS Backup copies no Redshift snapshot to another Region
  backup_copied = { "cloudcafe.dev/backup" = "copied" }
  backup_local  = { "cloudcafe.dev/backup" = "local" }

  # where each store answers in the VPC
  ports = { aurora = 5432, documentdb = 27017, redshift = 5439 }

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
