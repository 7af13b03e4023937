# Recovery points of the stores, kept where no store's own mistake reaches them: a locked vault here, a locked vault in a second Region,
# and a trial each week that they can be restored. Stores are found by the tag cloudcafe.dev/backup, which the databases module sets:
# `copied` where AWS Backup copies to another Region, `local` where it cannot (Redshift copies its snapshots itself).

locals {
  tag = "cloudcafe.dev/backup"

  # when, in UTC, one after the other; the stores' own backup window is before
  rules = {
    daily   = { schedule = "cron(0 4 * * ? *)", days = var.retention_days.daily }
    weekly  = { schedule = "cron(0 5 ? * SUN *)", days = var.retention_days.weekly }
    monthly = { schedule = "cron(0 6 1 * ? *)", days = var.retention_days.monthly }
  }

  plans = {
    copied = { copies = true }
    local  = { copies = false }
  }

  # a shorter-lived recovery point has a copy that lives no longer
  copy_days = { for key, rule in local.rules : key => min(rule.days, var.retention_days.copy) }

  kept_days = concat([for rule in local.rules : rule.days], values(local.copy_days))
}

data "aws_partition" "current" {}

resource "aws_backup_region_settings" "this" {
  count = var.manage_region_settings ? 1 : 0

  # what is selected by tag alone is backed up only where its type is opted in
  resource_type_opt_in_preference = {
    Aurora     = true
    DocumentDB = true
    DynamoDB   = true
    Redshift   = true
  }

  # without it, a table's backups neither leave the Region nor lie under the vault's key
  resource_type_management_preference = {
    DynamoDB = true
  }

  lifecycle {
    # AWS answers with every type it knows, and the others are not ours to set
    ignore_changes = [resource_type_opt_in_preference, resource_type_management_preference]
  }
}
