# The same rules twice: at CloudFront, where customers come in, and at the load balancer behind it.

locals {
  firewalls = {
    regional   = { scope = "REGIONAL", region = local.region }
    cloudfront = { scope = "CLOUDFRONT", region = local.global }
  }

  # AWS's own rule groups, in the order in which they are asked: cheap and certain first
  managed_rules = {
    AWSManagedRulesAmazonIpReputationList = 10
    AWSManagedRulesKnownBadInputsRuleSet  = 20
    AWSManagedRulesCommonRuleSet          = 30
    AWSManagedRulesSQLiRuleSet            = 40
  }
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:AWSManagedRulesKnownBadInputsRuleSet has the rule; checkov does not follow the dynamic block
  for_each = local.firewalls
  region   = each.value.region

  name        = "${var.name}-${each.key}"
  description = "CloudCafe, ${each.key}"
  scope       = each.value.scope

  default_action {
    allow {}
  }

  rule {
    name     = "rate-per-address"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429

          response_header {
            name  = "Retry-After"
            value = "300"
          }
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.waf_requests_per_5_minutes
        evaluation_window_sec = 300
        aggregate_key_type    = each.key == "cloudfront" ? "IP" : "FORWARDED_IP"

        # behind CloudFront every connection is CloudFront's: count by whom it came for
        dynamic "forwarded_ip_config" {
          for_each = each.key == "cloudfront" ? [] : ["X-Forwarded-For"]

          content {
            header_name       = forwarded_ip_config.value
            fallback_behavior = "MATCH"
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-${each.key}-rate"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed_rules

    content {
      name     = rule.key
      priority = rule.value

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${each.key}-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-${each.key}"
    sampled_requests_enabled   = true
  }
}

# the firewall writes to groups of this prefix only
resource "aws_cloudwatch_log_group" "waf" {
  for_each = local.firewalls
  region   = each.value.region

  name              = "aws-waf-logs-${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = each.value.region == local.region ? aws_kms_key.this["logs"].arn : aws_kms_replica_key.logs[0].arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  for_each = local.firewalls
  region   = each.value.region

  resource_arn            = aws_wafv2_web_acl.this[each.key].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[each.key].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  # what passed is in the access logs
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}
