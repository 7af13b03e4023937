# What tells people that something is wrong: one topic, to which all alarms (alarms.tf) and the
# budget (budget.tf) speak, and what shows them why: dashboards, whose JSON lies in dashboards/.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arns.messages
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "Tell"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.log_groups

  name              = "/${var.name}/${each.key}"
  retention_in_days = each.value
  kms_key_id        = var.kms_key_arns.logs
}

# <name>.json.tftpl of dashboards/ becomes the dashboard <prefix>-<name>
resource "aws_cloudwatch_dashboard" "this" {
  for_each = toset([for file in fileset("${path.module}/dashboards", "*.json.tftpl") : trimsuffix(file, ".json.tftpl")])

  dashboard_name = "${var.name}-${each.key}"
  # decoded and encoded again: a template that is no JSON fails here, not in AWS
  dashboard_body = jsonencode(jsondecode(templatefile("${path.module}/dashboards/${each.key}.json.tftpl", {
    region       = data.aws_region.current.region
    services     = var.services
    queues       = sort(var.queue_names)
    dead_letters = sort(var.dead_letter_queue_names)
    streams      = sort(var.stream_names)
    tables       = sort(var.table_names)
    cluster      = var.aurora_cluster_id
    function     = var.function_name
    alb          = var.load_balancer == null ? "" : var.load_balancer.arn_suffix
    alarms       = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn])
  })))
}
