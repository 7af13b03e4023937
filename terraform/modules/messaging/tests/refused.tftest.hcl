# What AWS would refuse late, or what would only hurt in production: a case for each validation and precondition.
# A run costs seconds however many refusals it holds, so each run holds one for each of several variables.

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

run "refuses_what_is_misnamed" {
  command = plan

  variables {
    # an alias instead of a key
    kms_key_arns = { data = "alias/data", messages = "alias/messages", logs = "alias/logs" }
    # a queue that brings its own .fifo
    fifo_queues = { "payments.fifo" = {} }
    # parked records in a FIFO queue
    parking_queues = ["loyalty-dlq.fifo"]
    # a space in a name
    streams = ["order events"]
    # a mode that Kinesis has not
    stream_capacity = { mode = "SERVERLESS" }
  }

  expect_failures = [
    var.kms_key_arns,
    var.fifo_queues,
    var.parking_queues,
    var.streams,
    var.stream_capacity,
  ]
}

run "refuses_a_prefix_with_capitals" {
  command = plan

  variables {
    name = "CloudCafe"
  }

  expect_failures = [var.name]
}

run "refuses_what_is_too_little" {
  command = plan

  variables {
    # no time for a batch of ten
    payment_lambda_timeout_seconds = 10
    # a batch takes up to a minute
    fifo_queues = { payment-results = { visibility_timeout_seconds = 30 } }
    # not called a dead-letter queue
    parking_queues = ["loyalty"]
    # less than a weekend, and less than a day
    queue_retention_days = 0
    # fixed shards without their number
    stream_capacity = { mode = "PROVISIONED" }
    # Kinesis keeps a day at least
    stream_retention_hours = 12
  }

  expect_failures = [
    var.payment_lambda_timeout_seconds,
    var.fifo_queues,
    var.parking_queues,
    var.queue_retention_days,
    var.stream_capacity,
    var.stream_retention_hours,
  ]
}

run "refuses_what_is_too_much" {
  command = plan

  variables {
    # AWS ends it before
    payment_lambda_timeout_seconds = 901
    # more than 12 hours
    fifo_queues = { payments = { visibility_timeout_seconds = 43201 } }
    # SQS keeps 14 days
    dead_letter_retention_days = 15
    # more shards than the quota
    stream_capacity = { mode = "PROVISIONED", shards = 201 }
    # more than a year
    stream_retention_hours = 8761
  }

  expect_failures = [
    var.payment_lambda_timeout_seconds,
    var.fifo_queues,
    var.dead_letter_retention_days,
    var.stream_capacity,
    var.stream_retention_hours,
  ]
}

run "refuses_what_contradicts_itself" {
  command = plan

  variables {
    # this would be the dead letters of payments
    fifo_queues = { payments-dlq = {} }
    # dead letters that die before their queue
    queue_retention_days       = 4
    dead_letter_retention_days = 4
    # on demand, AWS counts the shards
    stream_capacity = { mode = "ON_DEMAND", shards = 2 }
  }

  expect_failures = [
    var.fifo_queues,
    var.dead_letter_retention_days,
    var.stream_capacity,
  ]
}

run "refuses_to_give_up_a_payment_during_an_outage" {
  command = plan

  variables {
    fifo_queues = { payments = { max_receive_count = 5 } }
    # SQS keeps 14 days
    queue_retention_days = 15
  }

  expect_failures = [
    var.fifo_queues,
    var.queue_retention_days,
  ]
}

run "refuses_names_and_counts_beyond_sqs" {
  command = plan

  variables {
    # 81 characters with all that is added
    fifo_queues = { a-queue-whose-name-is-good-in-itself-but-too-long-with-all-that-is-added = {} }
    # as above
    parking_queues = ["a-queue-whose-name-is-good-in-itself-but-too-long-with-its-prefix-before-it-dlq"]
  }

  expect_failures = [
    var.fifo_queues,
    var.parking_queues,
  ]
}

run "refuses_to_count_beyond_a_thousand_receives" {
  command = plan

  variables {
    fifo_queues = { payments = { max_receive_count = 1001 } }
  }

  expect_failures = [var.fifo_queues]
}

run "refuses_a_visibility_that_the_lambda_outlasts" {
  command = plan

  variables {
    # 6 × 60 s are more than the 300 s of the queue
    payment_lambda_timeout_seconds = 60
  }

  expect_failures = [aws_sqs_queue.fifo["payments"]]
}
