provider "aws" {
  region = "eu-west-1"
}

variables {
  domain         = "cafe.example.com"
  hosted_zone_id = "Z0123456789ABCDEFGHIJ"
}

run "what_guards_the_cafe" {
  command = apply

  # keys
  assert {
    condition     = toset(keys(output.kms_key_arns)) == toset(["data", "messages", "logs", "state"]) && alltrue([for key in aws_kms_key.this : key.enable_key_rotation])
    error_message = "a rotated key per class of data"
  }
  assert {
    condition = alltrue(flatten([for policy in data.aws_iam_policy_document.key : [
      for statement in jsondecode(policy.json).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]
    ]]))
    error_message = "no wildcard action in a key's policy"
  }
  assert {
    condition = alltrue(flatten([for policy in data.aws_iam_policy_document.key : [
      for statement in jsondecode(policy.json).Statement : can(statement.Condition) if statement.Sid != "IamDecidesInThisAccount"
    ]]))
    error_message = "whoever is not the account itself gets in on a condition"
  }
  assert {
    condition = [for statement in jsondecode(data.aws_iam_policy_document.key["messages"].json).Statement :
      toset(statement.Condition.StringEquals["kms:ViaService"]) if statement.Sid == "ThroughTheServicesThatHoldTheData"
    ] == [toset(["kinesis.eu-west-1.amazonaws.com", "sns.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"])]
    error_message = "messages are read through queues, streams and topics only"
  }
  assert {
    condition = toset([for statement in jsondecode(data.aws_iam_policy_document.key["logs"].json).Statement : statement.Principal.Service if startswith(statement.Sid, "LogGroupsIn")]
    ) == toset(["logs.eu-west-1.amazonaws.com", "logs.us-east-1.amazonaws.com"])
    error_message = "log groups of the Region and of CloudFront's Region use the key for logs"
  }
  assert {
    condition     = length(aws_kms_replica_key.logs) == 1 && aws_kms_replica_key.logs[0].region == "us-east-1" && aws_kms_key.this["logs"].multi_region
    error_message = "the key for logs has a copy where CloudFront logs"
  }

  # certificates
  assert {
    condition     = aws_acm_certificate.this["regional"].region == "eu-west-1" && aws_acm_certificate.this["cloudfront"].region == "us-east-1"
    error_message = "CloudFront takes certificates of us-east-1 only"
  }
  assert {
    condition     = output.certificate_arn == aws_acm_certificate.this["regional"].arn && output.cloudfront_certificate_arn == aws_acm_certificate.this["cloudfront"].arn
    error_message = "what is given out is validated"
  }

  # the firewall
  assert {
    condition     = { for place, acl in aws_wafv2_web_acl.this : place => "${acl.scope} ${acl.region}" } == { regional = "REGIONAL eu-west-1", cloudfront = "CLOUDFRONT us-east-1" }
    error_message = "the same rules at CloudFront and in the Region"
  }
  assert {
    condition     = alltrue([for acl in aws_wafv2_web_acl.this : length(acl.rule) == 5 && length(distinct([for rule in acl.rule : rule.priority])) == 5])
    error_message = "a rate limit and four groups of managed rules, each with its own priority"
  }
  assert {
    condition = { for place, acl in aws_wafv2_web_acl.this : place => one([
      for rule in acl.rule : rule.statement[0].rate_based_statement[0].aggregate_key_type if rule.name == "rate-per-address"
    ]) } == { regional = "FORWARDED_IP", cloudfront = "IP" }
    error_message = "behind CloudFront, requests are counted by whom they came for"
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.waf : startswith(group.name, "aws-waf-logs-")]) && aws_cloudwatch_log_group.waf["cloudfront"].kms_key_id == aws_kms_replica_key.logs[0].arn
    error_message = "the firewall's logs"
  }

  # GuardDuty and the trail
  assert {
    condition     = output.guardduty_detector_id != null && length(aws_guardduty_detector_feature.this["RUNTIME_MONITORING"].additional_configuration) == 3
    error_message = "GuardDuty looks into nodes and tasks"
  }
  assert {
    condition     = aws_cloudtrail.this["trail"].is_multi_region_trail && aws_cloudtrail.this["trail"].enable_log_file_validation && aws_cloudtrail.this["trail"].kms_key_id == output.kms_key_arns["logs"]
    error_message = "the trail: all Regions, validated, encrypted"
  }
}

run "in_us_east_1_one_key_for_logs_is_enough" {
  command = plan

  providers = {
    aws = aws.virginia
  }

  assert {
    condition     = length(aws_kms_replica_key.logs) == 0
    error_message = "a key has no copy in its own Region"
  }
}

provider "aws" {
  alias  = "virginia"
  region = "us-east-1"
}

run "an_account_that_has_a_trail_and_a_detector_gets_no_second" {
  command = plan

  variables {
    trail     = { enabled = false }
    guardduty = { enabled = false }
  }

  assert {
    condition     = output.trail_arn == null && output.guardduty_detector_id == null && length(module.trail_bucket) == 0 && length(aws_guardduty_detector_feature.this) == 0
    error_message = "neither trail nor detector"
  }
}
