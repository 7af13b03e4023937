resource "aws_sqs_queue" "fifo" {
  for_each = var.fifo_queues

  name       = "${var.name}-${each.key}.fifo"
  fifo_queue = true
  tags       = local.chaos_tags

  # order and duplicates are a matter of one order's group; per group, a queue takes thousands a second instead of 300
  deduplication_scope   = "messageGroup"
  fifo_throughput_limit = "perMessageGroupId"

  visibility_timeout_seconds = each.value.visibility_timeout_seconds
  message_retention_seconds  = var.queue_retention_days * local.day_seconds
  receive_wait_time_seconds  = 20

  kms_master_key_id                 = var.kms_key_arns.messages
  kms_data_key_reuse_period_seconds = 300

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.fifo_dead_letters[each.key].arn
    maxReceiveCount     = each.value.max_receive_count
  })

  lifecycle {
    precondition {
      condition     = each.value.visibility_timeout_seconds >= local.visibility_per_lambda_time * lookup(local.lambda_timeouts, each.key, 0)
      error_message = "The visibility timeout of ${each.key} must be at least ${local.visibility_per_lambda_time} times the timeout of the Lambda that reads it: otherwise a batch that is throttled and retried is handed out twice, and a card is charged for both."
    }
  }
}

resource "aws_sqs_queue" "fifo_dead_letters" {
  for_each = var.fifo_queues

  name       = "${var.name}-${each.key}-dlq.fifo"
  fifo_queue = true
  tags       = local.chaos_tags

  visibility_timeout_seconds = each.value.visibility_timeout_seconds
  message_retention_seconds  = var.dead_letter_retention_days * local.day_seconds

  kms_master_key_id                 = var.kms_key_arns.messages
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue_redrive_allow_policy" "fifo_dead_letters" {
  for_each = var.fifo_queues

  queue_url = aws_sqs_queue.fifo_dead_letters[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.fifo[each.key].arn]
  })
}

resource "aws_sqs_queue" "parking" {
  for_each = var.parking_queues

  name = "${var.name}-${each.key}"
  tags = local.chaos_tags

  visibility_timeout_seconds = 60
  message_retention_seconds  = var.dead_letter_retention_days * local.day_seconds

  kms_master_key_id                 = var.kms_key_arns.messages
  kms_data_key_reuse_period_seconds = 300
}

# filled by the consumers' own sends, so no queue may name one of them as its dead-letter queue
resource "aws_sqs_queue_redrive_allow_policy" "parking" {
  for_each = var.parking_queues

  queue_url            = aws_sqs_queue.parking[each.key].url
  redrive_allow_policy = jsonencode({ redrivePermission = "denyAll" })
}

locals {
  queues = merge(
    { for key, queue in aws_sqs_queue.fifo : "${var.name}-${key}.fifo" => queue },
    { for key, queue in aws_sqs_queue.fifo_dead_letters : "${var.name}-${key}-dlq.fifo" => queue },
    { for key, queue in aws_sqs_queue.parking : "${var.name}-${key}" => queue },
  )
}

data "aws_iam_policy_document" "tls_only" {
  for_each = local.queues

  statement {
    sid       = "DenyPlainHttp"
    effect    = "Deny"
    resources = [each.value.arn]
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:PurgeQueue",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "tls_only" {
  for_each = local.queues

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.tls_only[each.key].json
}
