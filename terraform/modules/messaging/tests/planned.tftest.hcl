# Planned by a provider that reaches no AWS: what is asserted is what the module asks for.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "queues_and_streams_are_those_of_the_seeds" {
  command = plan

  assert {
    condition     = toset([for queue in aws_sqs_queue.fifo : queue.name]) == toset(["cloudcafe-payments.fifo", "cloudcafe-payment-results.fifo"])
    error_message = "The services send to cloudcafe-payments.fifo and cloudcafe-payment-results.fifo."
  }
  assert {
    condition     = toset([for queue in aws_sqs_queue.fifo_dead_letters : queue.name]) == toset(["cloudcafe-payments-dlq.fifo", "cloudcafe-payment-results-dlq.fifo"])
    error_message = "cafe_kit.dead_letters looks for x-dlq.fifo beside x.fifo."
  }
  assert {
    condition     = toset([for queue in aws_sqs_queue.parking : queue.name]) == toset(["cloudcafe-loyalty-dlq", "cloudcafe-analytics-dlq"])
    error_message = "loyalty and analytics park what they cannot read in queues of these names."
  }
  assert {
    condition     = alltrue([for queue in merge(aws_sqs_queue.fifo, aws_sqs_queue.fifo_dead_letters) : queue.fifo_queue])
    error_message = "A queue whose name ends with .fifo is FIFO, and so are its dead letters."
  }
  assert {
    condition     = alltrue([for queue in aws_sqs_queue.parking : queue.fifo_queue != true])
    error_message = "Parked records have no order."
  }

  assert {
    condition     = aws_sqs_queue.fifo_dead_letters["payments"].message_retention_seconds == 1209600
    error_message = "Dead letters wait 14 days."
  }
  assert {
    condition     = aws_sqs_queue.fifo["payments"].message_retention_seconds == 345600
    error_message = "Unread messages are kept 4 days."
  }

  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.fifo), values(aws_sqs_queue.fifo_dead_letters), values(aws_sqs_queue.parking)) :
      queue.kms_master_key_id == var.kms_key_arns.messages
    ])
    error_message = "Every queue lies under the key of messages."
  }
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.encryption_type == "KMS" && stream.kms_key_id == var.kms_key_arns.messages])
    error_message = "Every stream lies under the key of messages."
  }

  assert {
    condition     = toset([for stream in aws_kinesis_stream.this : stream.name]) == toset(["cloudcafe-order-events", "cloudcafe-stock-events"])
    error_message = "The services write to cloudcafe-order-events and cloudcafe-stock-events."
  }
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.stream_mode_details[0].stream_mode == "ON_DEMAND" && stream.shard_count == null])
    error_message = "On demand is the default, and takes no shards."
  }
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.retention_period == 168])
    error_message = "A week of lag is not a loss."
  }
  assert {
    condition     = alltrue([for queue in aws_sqs_queue.fifo : !contains(keys(queue.tags_all), "cloudcafe.dev/chaos")])
    error_message = "The permission to break is asked for."
  }
}

run "fixed_shards_are_watched_and_what_may_be_broken_says_so" {
  command = plan

  variables {
    chaos_allowed   = true
    stream_capacity = { mode = "PROVISIONED", shards = 2 }
  }

  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.shard_count == 2 && contains(stream.shard_level_metrics, "WriteProvisionedThroughputExceeded")])
    error_message = "Two shards each, with the metric that tells when they are too few."
  }
  assert {
    condition = alltrue([
      for thing in concat(values(aws_sqs_queue.fifo), values(aws_sqs_queue.fifo_dead_letters), values(aws_sqs_queue.parking)) :
      thing.tags_all["cloudcafe.dev/chaos"] == "allowed"
    ])
    error_message = "The operator selects queues by the tag."
  }
  assert {
    condition     = alltrue([for stream in aws_kinesis_stream.this : stream.tags_all["cloudcafe.dev/chaos"] == "allowed"])
    error_message = "The operator selects streams by the tag."
  }
}
