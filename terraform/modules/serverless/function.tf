data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${local.function_name}-function"
  description        = "The payment processor as a function"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.this.name
  policy_arn = var.service_policy_arn
}

data "aws_iam_policy_document" "run" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:log-stream:*"]
  }

  statement {
    sid       = "Trace"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"] # they know no resource
  }

  statement {
    sid       = "QueueAttributes"
    actions   = ["sqs:GetQueueAttributes"] # Lambda's poller, with this role
    resources = [var.payments_queue.arn]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = compact([var.service_token_secret_arn, var.provider_key_secret_arn])
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.data]
  }

  statement {
    sid       = "Interfaces"
    actions   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
    resources = ["*"] # they know no resource
  }

  statement {
    sid = "OwnInterfaces"
    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["${local.ec2}:network-interface/*", "${local.ec2}:subnet/*", "${local.ec2}:security-group/*"]
  }

  # Lambda, before it takes the role, tries this one on *:*/*: with less it refuses the function (Lambda guide, configuration-vpc)
  statement {
    sid       = "DeleteInterfaces"
    actions   = ["ec2:DeleteNetworkInterface"]
    resources = ["${local.ec2}:*/*"]
  }

  # the service may make interfaces, the function's code may not
  statement {
    sid    = "NotTheCode"
    effect = "Deny"
    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = ["arn:${data.aws_partition.current.partition}:lambda:${local.account_arn}:function:${local.function_name}"]
    }
  }
}

resource "aws_iam_role_policy" "run" {
  name   = "run"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.run.json
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arns.logs
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:The queue that feeds it has a dead-letter queue; a function's own is for asynchronous calls
  #checkov:skip=CKV_AWS_272:Who applies builds the zip, and would sign it too: a signature would prove nothing more
  function_name                  = local.function_name
  description                    = "Takes payments of orders from the queue"
  role                           = aws_iam_role.this.arn
  runtime                        = "python3.11"
  architectures                  = ["x86_64"]
  handler                        = "cafe_payments.lambda_handler.handler"
  filename                       = var.package_path
  source_code_hash               = filebase64sha256(var.package_path)
  memory_size                    = var.function.memory_mib
  timeout                        = var.function.timeout_seconds
  reserved_concurrent_executions = var.function.reserved_concurrency
  kms_key_arn                    = var.kms_key_arns.data
  # what the operator turns the reservation back to after a rush, and never below; without one there is nothing to raise
  tags = merge(local.chaos_tags, var.function.reserved_concurrency == -1 ? {} : {
    "cloudcafe.dev/rush" = tostring(var.function.reserved_concurrency)
  })

  environment {
    variables = merge(
      {
        CAFE_PAYMENT_PROVIDER_URL = var.payment_provider_url
        CAFE_SERVICE_TOKEN_SECRET = var.service_token_secret_arn
      },
      var.provider_key_secret_arn == "" ? {} : { CAFE_PROVIDER_KEY_SECRET = var.provider_key_secret_arn },
      var.environment,
    )
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "Text" # the code writes JSON lines itself, metrics among them
    log_group  = aws_cloudwatch_log_group.function.name
  }

  lifecycle {
    # the operator raises it ahead of rushes, and an experiment stops the function
    ignore_changes = [reserved_concurrent_executions]

    precondition {
      condition     = var.payments_queue.visibility_timeout_seconds >= 6 * var.function.timeout_seconds
      error_message = "The queue shows a message again after ${var.payments_queue.visibility_timeout_seconds} s: while the function (${var.function.timeout_seconds} s) may still be at it. AWS wants six times the function's timeout."
    }

    precondition {
      condition     = var.function.reserved_concurrency == -1 || var.function.most_at_once <= var.function.reserved_concurrency
      error_message = "function.most_at_once is more than reserved_concurrency: the queue would be polled in vain and messages would count as received."
    }
  }

  depends_on = [aws_iam_role_policy.run, aws_iam_role_policy_attachment.service]
}

resource "aws_lambda_event_source_mapping" "payments" {
  event_source_arn        = var.payments_queue.arn
  function_name           = aws_lambda_function.this.arn
  batch_size              = var.function.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.function.most_at_once
  }

  lifecycle {
    # it rises with the reservation
    ignore_changes = [scaling_config[0].maximum_concurrency]
  }
}
