# Who changed what: every management call in all Regions, in a bucket that shows when a file was altered, and in a log group
# on which alarms can look.

locals {
  trail_name = "${var.name}-trail"
  # by name: the key's and the bucket's policies are needed before the trail exists
  trail_arn = "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${local.trail_name}"
  trails    = var.trail.enabled ? { trail = local.trail_name } : {}
}

module "trail_bucket" {
  source   = "../log-bucket"
  for_each = local.trails

  name          = "${each.value}-${local.account}-${local.region}"
  kms_key_arn   = aws_kms_key.this["logs"].arn
  days          = var.trail.retention_days
  archive_days  = 90
  force_destroy = var.force_destroy

  writers = [
    {
      sid     = "TrailLooks"
      service = "cloudtrail.amazonaws.com"
      action  = "s3:GetBucketAcl"
      only    = { test = "StringEquals", variable = "aws:SourceArn", value = local.trail_arn }
    },
    {
      sid     = "TrailWrites"
      service = "cloudtrail.amazonaws.com"
      objects = "AWSLogs/${local.account}/*"
      only    = { test = "StringEquals", variable = "aws:SourceArn", value = local.trail_arn }
    },
  ]
}

resource "aws_cloudwatch_log_group" "trail" {
  for_each = local.trails

  name              = "/${var.name}/trail"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn
}

data "aws_iam_policy_document" "trail_service" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }
}

data "aws_iam_policy_document" "trail_writes" {
  for_each = aws_cloudwatch_log_group.trail

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${each.value.arn}:log-stream:${local.account}_CloudTrail_*"]
  }
}

resource "aws_iam_role" "trail" {
  for_each = local.trails

  name               = "${each.value}-${local.region}"
  assume_role_policy = data.aws_iam_policy_document.trail_service.json
}

resource "aws_iam_role_policy" "trail" {
  for_each = aws_iam_role.trail

  name   = "write-trail"
  role   = each.value.id
  policy = data.aws_iam_policy_document.trail_writes[each.key].json
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:Alarms look at the log group; nobody waits for files
  for_each = local.trails

  name                          = each.value
  s3_bucket_name                = module.trail_bucket[each.key].bucket
  kms_key_id                    = aws_kms_key.this["logs"].arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[each.key].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[each.key].arn

  # CloudTrail tries both when it is made, and fails where they do not let it write
  depends_on = [aws_iam_role_policy.trail]
}
