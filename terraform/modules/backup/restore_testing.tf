# A backup that was never restored is a hope. AWS restores the newest recovery point of each store, tells how long that took, and deletes
# what it restored. Redshift is not among the types that it can try.

locals {
  tried = { aurora = "Aurora", documentdb = "DocumentDB", dynamodb = "DynamoDB" }
}

resource "aws_backup_restore_testing_plan" "this" {
  # letters, digits and underscores only
  name                = replace("${var.name}_weekly", "-", "_")
  schedule_expression = var.restore_testing.schedule
  start_window_hours  = var.restore_testing.start_hours

  recovery_point_selection {
    algorithm             = "LATEST_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this.arn]
    recovery_point_types  = ["SNAPSHOT"]
    selection_window_days = var.restore_testing.window_days
  }
}

resource "aws_backup_restore_testing_selection" "this" {
  for_each = local.tried

  name                      = each.key
  restore_testing_plan_name = aws_backup_restore_testing_plan.this.name
  protected_resource_type   = each.value
  protected_resource_arns   = ["*"]
  iam_role_arn              = aws_iam_role.backup.arn
  validation_window_hours   = var.restore_testing.validate_hours

  protected_resource_conditions {
    string_equals {
      key   = "aws:ResourceTag/${local.tag}"
      value = "copied"
    }

    string_equals {
      key   = "aws:ResourceTag/cloudcafe.dev/part-of"
      value = "cloudcafe"
    }
  }
}
