# What must be refused before AWS is asked: a case for each validation.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  kms_key_arns            = { messages = "arn:m", logs = "arn:l" }
  queue_names             = []
  dead_letter_queue_names = []
  stream_names            = []
  table_names             = []
  aurora_cluster_id       = "cloudcafe"
  memorydb_cluster_name   = "cloudcafe"
  function_name           = "cloudcafe-payment-processor"
  budget                  = 400
}

run "no_address_no_order_service_no_limit_no_money" {
  command = plan

  variables {
    name       = "c"
    emails     = ["somebody"]
    services   = ["menu"]
    log_groups = { deploy = 10 }
    limits     = { outbox_lag_seconds = 0 }
    budget     = 5
  }

  expect_failures = [var.name, var.emails, var.services, var.log_groups, var.limits, var.budget]
}

run "more_than_all_of_memorydb" {
  command = plan
  variables { limits = { memorydb_memory_percent = 120 } }
  expect_failures = [var.limits]
}

run "more_than_all_of_aurora" {
  command = plan
  variables { limits = { aurora_capacity_percent = 120 } }
  expect_failures = [var.limits]
}
