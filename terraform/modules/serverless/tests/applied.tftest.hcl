# Against a provider; any file may stand for the package.

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

provider "aws" {
  region = "eu-west-1"
}

run "takes_payments_from_the_queue" {
  variables {
    environment             = { CAFE_PAYMENTS_TABLE = "cloudcafe-payments" }
    provider_key_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key"
  }

  assert {
    condition     = aws_lambda_function.this.handler == "cafe_payments.lambda_handler.handler" && aws_lambda_function.this.runtime == "python3.11"
    error_message = "The package holds cafe_payments for Python 3.11."
  }

  assert {
    condition     = tolist(aws_lambda_event_source_mapping.payments.function_response_types) == tolist(["ReportBatchItemFailures"])
    error_message = "Without it one failed payment repeats all of its batch."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 20 && aws_lambda_event_source_mapping.payments.scaling_config[0].maximum_concurrency == 10
    error_message = "The queue may not take more of the function than is reserved."
  }

  assert {
    condition     = aws_lambda_function.this.tags["cloudcafe.dev/rush"] == "20"
    error_message = "The operator learns the reservation from the tag: ahead of rushes it raises it, and never goes below."
  }

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      CAFE_PAYMENT_PROVIDER_URL = "https://payments.example.com"
      CAFE_SERVICE_TOKEN_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token"
      CAFE_PROVIDER_KEY_SECRET  = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key"
      CAFE_PAYMENTS_TABLE       = "cloudcafe-payments"
    })
    error_message = "The environment names secrets and holds none."
  }

  assert {
    condition     = aws_apigatewayv2_route.callback.route_key == "POST /provider/callbacks" && endswith(aws_lambda_permission.api.source_arn, "/*/POST/provider/callbacks")
    error_message = "The API has one route, and only that may call the function."
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 50 && aws_apigatewayv2_stage.this.access_log_settings[0].destination_arn != ""
    error_message = "The API is throttled and logs who called."
  }

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.function, aws_cloudwatch_log_group.api] : group.retention_in_days == 30 && endswith(group.kms_key_id, "/logs")])
    error_message = "Logs have a key and an end."
  }

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.run.json).Statement : flatten([statement.Resource])
      if statement.Effect == "Allow" && contains(flatten([statement.Action]), "ec2:DeleteNetworkInterface")
    ] == [["arn:aws:ec2:eu-west-1:123456789012:*/*"]]
    error_message = "Lambda refuses a role that may delete fewer interfaces than all of the account's in the Region."
  }

  assert {
    condition     = !anytrue([for action in flatten([for statement in jsondecode(data.aws_iam_policy_document.run.json).Statement : statement.Action]) : strcontains(action, "*")])
    error_message = "A wildcard action."
  }
}
