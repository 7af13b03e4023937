# Applied under mocks: how the parts refer to each other.

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

run "each_queue_gives_up_to_its_own_dead_letters" {
  assert {
    condition = alltrue([
      for key, queue in aws_sqs_queue.fifo :
      jsondecode(queue.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.fifo_dead_letters[key].arn, maxReceiveCount = 1000 }
    ])
    error_message = "A queue's redrive policy names its own dead letters, after 1000 receives."
  }
  assert {
    condition = alltrue([
      for key, policy in aws_sqs_queue_redrive_allow_policy.fifo_dead_letters :
      jsondecode(policy.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.fifo[key].arn] && policy.queue_url == aws_sqs_queue.fifo_dead_letters[key].url
    ])
    error_message = "Only its own queue may give up to a dead-letter queue."
  }
  assert {
    condition     = alltrue([for policy in aws_sqs_queue_redrive_allow_policy.parking : jsondecode(policy.redrive_allow_policy).redrivePermission == "denyAll"])
    error_message = "No queue may give up to a parking queue."
  }
}

run "no_queue_answers_without_tls" {
  assert {
    condition     = keys(aws_sqs_queue_policy.tls_only) == keys(output.queue_arns) && length(output.queue_arns) == 6
    error_message = "Each of the six queues has the policy."
  }
  assert {
    condition = alltrue([
      for name, document in data.aws_iam_policy_document.tls_only :
      document.statement[0].effect == "Deny" && document.statement[0].resources == toset([output.queue_arns[name]]) && alltrue([for action in document.statement[0].actions : !endswith(action, "*")])
    ])
    error_message = "Each policy denies by name, on its own queue."
  }
  assert {
    condition     = alltrue([for name, policy in aws_sqs_queue_policy.tls_only : policy.queue_url == output.queue_urls[name]])
    error_message = "Each policy is on the queue that it names."
  }
}

run "outputs_are_keyed_by_the_names_that_services_use" {
  assert {
    condition     = output.queue_arns["cloudcafe-payments.fifo"] == aws_sqs_queue.fifo["payments"].arn
    error_message = "By the queue's own name."
  }
  assert {
    condition     = output.stream_arns["cloudcafe-order-events"] == aws_kinesis_stream.this["order-events"].arn
    error_message = "By the stream's own name."
  }
  assert {
    condition     = output.dead_letter_queue_names == tolist(["cloudcafe-analytics-dlq", "cloudcafe-loyalty-dlq", "cloudcafe-payment-results-dlq.fifo", "cloudcafe-payments-dlq.fifo"])
    error_message = "The alarms' list has the four queues that should be empty, and no other."
  }
}
