# What must be refused before AWS is asked: a case for each validation and precondition.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  package_path             = "./versions.tf"
  subnet_ids               = ["subnet-a", "subnet-b"]
  security_group_id        = "sg-payments"
  kms_key_arns             = { data = "arn:aws:kms:eu-west-1:111122223333:key/data", logs = "arn:aws:kms:eu-west-1:111122223333:key/logs" }
  payments_queue           = { arn = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payments.fifo", visibility_timeout_seconds = 300 }
  service_policy_arn       = "arn:aws:iam::111122223333:policy/cloudcafe-payment-processor"
  service_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token"
  payment_provider_url     = "https://payments.example.com"
}

run "no_package_one_zone_and_card_data_in_the_clear" {
  command = plan

  variables {
    name                 = "-cafe"
    package_path         = "./no-such-file.zip"
    subnet_ids           = ["subnet-a"]
    log_retention_days   = 8
    payments_queue       = { arn = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payments", visibility_timeout_seconds = 300 }
    function             = { timeout_seconds = 30 }
    payment_provider_url = "http://payments.example.com"
    environment          = { PATH = "/" }
    throttling           = { rate = 200, burst = 100 }
  }

  expect_failures = [
    var.name, var.package_path, var.subnet_ids, var.log_retention_days, var.payments_queue, var.function,
    var.payment_provider_url, var.environment, var.throttling,
  ]
}

run "too_little_memory" {
  command = plan
  variables { function = { memory_mib = 128 } }
  expect_failures = [var.function]
}

run "payments_switched_off" {
  command = plan
  variables { function = { reserved_concurrency = 0 } }
  expect_failures = [var.function]
}

run "batches_larger_than_a_fifo_queue_gives" {
  command = plan
  variables { function = { batch_size = 100 } }
  expect_failures = [var.function]
}

run "one_at_a_time_which_lambda_refuses" {
  command = plan
  variables { function = { most_at_once = 1 } }
  expect_failures = [var.function]
}

run "a_queue_that_shows_messages_again_too_early" {
  command = plan
  variables { payments_queue = { arn = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payments.fifo", visibility_timeout_seconds = 60 } }
  expect_failures = [aws_lambda_function.this]
}

run "a_queue_that_takes_more_than_is_reserved" {
  command = plan
  variables { function = { reserved_concurrency = 5, most_at_once = 10 } }
  expect_failures = [aws_lambda_function.this]
}
