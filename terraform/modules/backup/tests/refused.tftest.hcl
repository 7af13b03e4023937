# What AWS would refuse late: at the first job, in the night. A case for each validation and precondition.
# A run costs seconds however many refusals it holds, so each run holds one for each of several variables.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mocked" }
  }
  mock_resource "aws_backup_vault" {
    defaults = { arn = "arn:aws:backup:eu-west-1:111122223333:backup-vault:mocked" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/mocked" }
  }
}

variables {
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "refuses_what_is_no_such_thing" {
  command = plan

  variables {
    # capitals
    name = "CloudCafe"
    # aliases instead of keys
    kms_key_arns = { data = "alias/data", messages = "alias/messages", logs = "alias/logs" }
    # five fields, as on a Unix
    restore_testing = { schedule = "cron(0 5 * * 0)" }
    # weeks that are shorter than days
    retention_days = { daily = 14, weekly = 7 }
    # the least above the most
    lock = { min_days = 30, max_days = 7 }
  }

  expect_failures = [
    var.name,
    var.kms_key_arns,
    var.restore_testing,
    var.retention_days,
    var.lock,
  ]
}

run "refuses_what_does_not_help" {
  command = plan

  variables {
    # the Region of the stores themselves
    copy_region = "eu-west-1"
    # a copy that is gone at once
    retention_days = { copy = 0 }
    # a trial that nobody can look at
    restore_testing = { validate_hours = 0 }
    # AWS gives three days to think
    lock = { changeable_for_days = 1 }
  }

  expect_failures = [
    var.copy_region,
    var.retention_days,
    var.restore_testing,
    var.lock,
  ]
}

run "refuses_a_zone_for_a_region" {
  command = plan

  variables {
    copy_region = "eu-central-1a"
    # more than a year back
    restore_testing = { window_days = 366 }
  }

  expect_failures = [
    var.copy_region,
    var.restore_testing,
  ]
}

run "refuses_to_force_what_is_locked_for_ever" {
  command = plan

  variables {
    vault_force_destroy = true
    lock                = { changeable_for_days = 3 }
  }

  expect_failures = [var.vault_force_destroy]
}

run "refuses_a_retention_outside_the_lock" {
  command = plan

  variables {
    # 14 days are asked for each day
    lock = { min_days = 30 }
  }

  expect_failures = [aws_backup_vault_lock_configuration.this]
}
