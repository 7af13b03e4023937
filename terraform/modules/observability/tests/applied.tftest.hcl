# Against a provider: what is watched, and who is told.

variables {
  kms_key_arns            = { messages = "arn:aws:kms:eu-west-1:111122223333:key/messages", logs = "arn:aws:kms:eu-west-1:111122223333:key/logs" }
  emails                  = ["cafe@example.com"]
  queue_names             = ["cloudcafe-payments.fifo", "cloudcafe-payment-results.fifo"]
  dead_letter_queue_names = ["cloudcafe-payments-dlq.fifo", "cloudcafe-loyalty-dlq"]
  stream_names            = ["cloudcafe-order-events", "cloudcafe-stock-events"]
  table_names             = ["cloudcafe-orders", "cloudcafe-inventory", "cloudcafe-payments"]
  aurora_cluster_id       = "cloudcafe"
  memorydb_cluster_name   = "cloudcafe"
  load_balancer           = { arn_suffix = "app/cloudcafe/1234567890abcdef" }
  function_name           = "cloudcafe-payment-processor"
  budget                  = 400
}

provider "aws" {
  region = "eu-west-1"
}

run "watches_and_tells" {
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 9 + 1 + 2 + 2 + 2 + 6
    error_message = "Each queue, dead letter queue, stream and table has its alarms, and the order path too."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["dead-letters-cloudcafe-payments-dlq-fifo"].threshold == 0
    error_message = "One dead letter is one too many."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["memorydb-memory"].dimensions == tomap({ ClusterName = "cloudcafe" })
    error_message = "A store that evicts nothing must be known before it is full."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : one(alarm.alarm_actions) == aws_sns_topic.alarms.arn && alarm.datapoints_to_alarm <= alarm.evaluation_periods])
    error_message = "Every alarm tells the topic."
  }

  assert {
    condition     = output.dashboard_names == tolist(["cloudcafe-data", "cloudcafe-fleet"])
    error_message = "Each template is a dashboard."
  }

  assert {
    condition     = alltrue([for board in aws_cloudwatch_dashboard.this : length(jsondecode(board.dashboard_body).widgets) >= 10])
    error_message = "Dashboards have widgets."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this["fleet"].dashboard_body, "AWS/ApplicationELB")
    error_message = "The fleet's dashboard shows the load balancer."
  }

  assert {
    condition     = aws_budgets_budget.monthly.limit_amount == "400" && length(aws_budgets_budget.monthly.notification) == 2
    error_message = "The budget tells before and after it is spent."
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/messages"
    error_message = "The topic is encrypted."
  }
}

run "without_a_load_balancer_nothing_asks_for_one" {
  command = plan

  variables {
    load_balancer = null
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "edge-errors")
    error_message = "An alarm about a load balancer that is not there."
  }
}
