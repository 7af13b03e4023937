# What AWS would refuse late, or what would only hurt in production: one case for each validation and precondition.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "refuses_a_prefix_with_capitals" {
  command = plan

  variables {
    name = "CloudCafe"
  }

  expect_failures = [var.name]
}

run "refuses_an_alias_instead_of_a_key" {
  command = plan

  variables {
    kms_key_arns = { data = "alias/data", messages = "alias/messages", logs = "alias/logs" }
  }

  expect_failures = [var.kms_key_arns]
}

run "refuses_a_lambda_that_is_too_short_for_a_batch" {
  command = plan

  variables {
    payment_lambda_timeout_seconds = 10
  }

  expect_failures = [var.payment_lambda_timeout_seconds]
}

run "refuses_a_lambda_longer_than_aws_runs_one" {
  command = plan

  variables {
    payment_lambda_timeout_seconds = 901
  }

  expect_failures = [var.payment_lambda_timeout_seconds]
}

run "refuses_a_queue_that_brings_its_own_fifo" {
  command = plan

  variables {
    fifo_queues = { "payments.fifo" = {} }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_a_queue_that_is_named_like_dead_letters" {
  command = plan

  variables {
    fifo_queues = { payments-dlq = {} }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_a_queue_name_beyond_80_characters" {
  command = plan

  variables {
    fifo_queues = { a-queue-whose-name-is-good-in-itself-but-too-long-with-all-that-is-added = {} }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_a_visibility_below_a_minute" {
  command = plan

  variables {
    fifo_queues = { payment-results = { visibility_timeout_seconds = 30 } }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_a_visibility_beyond_12_hours" {
  command = plan

  variables {
    fifo_queues = { payments = { visibility_timeout_seconds = 43201 } }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_to_give_up_a_payment_during_an_outage" {
  command = plan

  variables {
    fifo_queues = { payments = { max_receive_count = 5 } }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_to_count_beyond_1000_receives" {
  command = plan

  variables {
    fifo_queues = { payments = { max_receive_count = 1001 } }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_a_visibility_that_the_lambda_outlasts" {
  command = plan

  variables {
    payment_lambda_timeout_seconds = 60
  }

  expect_failures = [aws_sqs_queue.fifo["payments"]]
}

run "refuses_parked_records_in_a_fifo_queue" {
  command = plan

  variables {
    parking_queues = ["loyalty-dlq.fifo"]
  }

  expect_failures = [var.parking_queues]
}

run "refuses_a_parking_queue_that_is_not_called_one" {
  command = plan

  variables {
    parking_queues = ["loyalty"]
  }

  expect_failures = [var.parking_queues]
}

run "refuses_a_queue_that_keeps_more_than_14_days" {
  command = plan

  variables {
    queue_retention_days       = 15
    dead_letter_retention_days = 16
  }

  expect_failures = [var.queue_retention_days]
}

run "refuses_dead_letters_that_die_before_their_queue" {
  command = plan

  variables {
    queue_retention_days       = 4
    dead_letter_retention_days = 4
  }

  expect_failures = [var.dead_letter_retention_days]
}

run "refuses_dead_letters_beyond_14_days" {
  command = plan

  variables {
    dead_letter_retention_days = 15
  }

  expect_failures = [var.dead_letter_retention_days]
}

run "refuses_a_stream_name_with_a_space" {
  command = plan

  variables {
    streams = ["order events"]
  }

  expect_failures = [var.streams]
}

run "refuses_a_mode_that_kinesis_has_not" {
  command = plan

  variables {
    stream_capacity = { mode = "SERVERLESS" }
  }

  expect_failures = [var.stream_capacity]
}

run "refuses_fixed_shards_without_a_number" {
  command = plan

  variables {
    stream_capacity = { mode = "PROVISIONED" }
  }

  expect_failures = [var.stream_capacity]
}

run "refuses_more_shards_than_the_quota" {
  command = plan

  variables {
    stream_capacity = { mode = "PROVISIONED", shards = 201 }
  }

  expect_failures = [var.stream_capacity]
}

run "refuses_shards_on_demand" {
  command = plan

  variables {
    stream_capacity = { mode = "ON_DEMAND", shards = 2 }
  }

  expect_failures = [var.stream_capacity]
}

run "refuses_records_that_vanish_within_a_day" {
  command = plan

  variables {
    stream_retention_hours = 12
  }

  expect_failures = [var.stream_retention_hours]
}

run "refuses_records_kept_for_more_than_a_year" {
  command = plan

  variables {
    stream_retention_hours = 8761
  }

  expect_failures = [var.stream_retention_hours]
}
