data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "backup" {
  name               = "${var.name}-backup"
  description        = "What AWS Backup is when it backs up, copies and restores."
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each = toset(["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])

  role       = aws_iam_role.backup.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/${each.key}"
}

resource "aws_backup_plan" "this" {
  for_each = local.plans

  name = "${var.name}-${each.key}"

  dynamic "rule" {
    for_each = local.rules

    content {
      rule_name                = rule.key
      target_vault_name        = aws_backup_vault.this.name
      schedule                 = rule.value.schedule
      start_window             = 60
      completion_window        = 360
      enable_continuous_backup = false # the stores keep their own logs for a point in time

      lifecycle {
        delete_after                              = rule.value.days
        opt_in_to_archive_for_supported_resources = false # said, or every plan would ask for it again
      }

      dynamic "copy_action" {
        for_each = each.value.copies ? [local.copy_days[rule.key]] : []

        content {
          destination_vault_arn = aws_backup_vault.copies.arn

          lifecycle {
            delete_after                              = copy_action.value
            opt_in_to_archive_for_supported_resources = false
          }
        }
      }
    }
  }

  depends_on = [aws_backup_region_settings.this]
}

# resources are any; the conditions, all of which must hold, choose among them
resource "aws_backup_selection" "this" {
  for_each = local.plans

  name         = "${var.name}-${each.key}"
  plan_id      = aws_backup_plan.this[each.key].id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = ["*"]

  condition {
    string_equals {
      key   = "aws:ResourceTag/${local.tag}"
      value = each.key
    }

    string_equals {
      key   = "aws:ResourceTag/cloudcafe.dev/part-of"
      value = "cloudcafe"
    }
  }
}
