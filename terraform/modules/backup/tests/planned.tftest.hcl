# Planned by a provider that reaches no AWS: what is asserted is what the module asks for.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

# who asks is told by AWS, so nobody is asked
override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

variables {
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "days_weeks_and_months_are_kept_in_two_regions" {
  command = plan

  assert {
    condition = alltrue([
      for plan in aws_backup_plan.this : { for rule in plan.rule : rule.rule_name => rule.lifecycle[0].delete_after } == { daily = 14, weekly = 35, monthly = 365 }
    ])
    error_message = "Two weeks of days, five of weeks, a year of months."
  }
  assert {
    condition     = { for rule in aws_backup_plan.this["copied"].rule : rule.rule_name => [for copy in rule.copy_action : copy.lifecycle[0].delete_after] } == { daily = [14], weekly = [35], monthly = [35] }
    error_message = "Each recovery point is copied; no copy outlives what it was copied from."
  }
  assert {
    condition     = alltrue([for rule in aws_backup_plan.this["local"].rule : length(rule.copy_action) == 0])
    error_message = "AWS Backup copies no Redshift snapshot: a plan that asked would fail each night."
  }
  assert {
    condition     = aws_backup_vault.this.kms_key_arn == var.kms_key_arns.data && aws_backup_vault.copies.region == "eu-central-1" && aws_kms_key.copies.region == "eu-central-1"
    error_message = "The vault here lies under the key of data, the other under a key of its own Region."
  }
  assert {
    condition     = aws_backup_vault_lock_configuration.this.max_retention_days == 400 && aws_backup_vault_lock_configuration.this.changeable_for_days == null && aws_backup_vault_lock_configuration.copies.region == "eu-central-1"
    error_message = "Both vaults are locked, and neither for ever unless it is asked for."
  }
  assert {
    condition     = aws_backup_vault.this.force_destroy == false && aws_kms_key.copies.enable_key_rotation
    error_message = "A destroy does not take recovery points with it."
  }
  assert {
    condition     = toset([for selection in aws_backup_restore_testing_selection.this : selection.protected_resource_type]) == toset(["Aurora", "DocumentDB", "DynamoDB"])
    error_message = "What AWS can try to restore, it tries."
  }
  assert {
    condition     = aws_backup_restore_testing_plan.this.name == "cloudcafe_weekly" && can(regex("^[a-zA-Z0-9_]+$", aws_backup_restore_testing_plan.this.name))
    error_message = "The name of a trial has no hyphen."
  }
  assert {
    condition     = length(aws_backup_region_settings.this) == 1
    error_message = "The Region is opted in."
  }
}

run "a_locked_profile_that_another_stack_opted_in" {
  command = plan

  variables {
    name                   = "cloud-cafe"
    manage_region_settings = false
    lock                   = { min_days = 7, changeable_for_days = 3 }
  }

  assert {
    condition     = length(aws_backup_region_settings.this) == 0
    error_message = "Settings of the account belong to one stack."
  }
  assert {
    condition     = aws_backup_vault_lock_configuration.this.changeable_for_days == 3 && aws_backup_vault_lock_configuration.copies.changeable_for_days == 3
    error_message = "Both locks close after three days."
  }
  assert {
    condition     = aws_backup_restore_testing_plan.this.name == "cloud_cafe_weekly"
    error_message = "The name of a trial has no hyphen."
  }
}
