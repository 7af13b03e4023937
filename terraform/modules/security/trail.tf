# Who changed what: every management call in all Regions, in a bucket that shows when a file was altered, and in a log group
# on which alarms can look.

locals {
  trail_name = "${var.name}-trail"
  # by name: the key's and the bucket's policies are needed before the trail exists
  trail_arn = "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${local.trail_name}"
  trails    = var.trail.enabled ? { trail = local.trail_name } : {}
}

resource "aws_s3_bucket" "trail" {
  #checkov:skip=CKV_AWS_18:Access to the trail's bucket is in the trail itself
  #checkov:skip=CKV_AWS_144:The trail of all Regions is kept in one; a copy is the organization's trail
  #checkov:skip=CKV2_AWS_62:Nobody waits for the trail's files
  for_each = local.trails

  bucket        = "${each.value}-${local.account}-${local.region}"
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "trail" {
  for_each = aws_s3_bucket.trail

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "trail" {
  for_each = aws_s3_bucket.trail

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "trail" {
  for_each = aws_s3_bucket.trail

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trail" {
  for_each = aws_s3_bucket.trail

  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this["logs"].arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "trail" {
  for_each = aws_s3_bucket.trail

  bucket = each.value.id

  rule {
    id     = "keep-then-forget"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "GLACIER_IR"
    }

    expiration {
      days = var.trail.retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "trail_bucket" {
  for_each = aws_s3_bucket.trail

  statement {
    sid       = "TrailLooks"
    actions   = ["s3:GetBucketAcl"]
    resources = [each.value.arn]

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

  statement {
    sid       = "TrailWrites"
    actions   = ["s3:PutObject"]
    resources = ["${each.value.arn}/AWSLogs/${local.account}/*"]

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

  statement {
    sid       = "NothingInClearText"
    effect    = "Deny"
    actions   = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = [each.value.arn, "${each.value.arn}/*"]

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

resource "aws_s3_bucket_policy" "trail" {
  for_each = aws_s3_bucket.trail

  bucket = each.value.id
  policy = data.aws_iam_policy_document.trail_bucket[each.key].json
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
  s3_bucket_name                = aws_s3_bucket.trail[each.key].id
  kms_key_id                    = aws_kms_key.this["logs"].arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[each.key].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[each.key].arn

  # CloudTrail tries both when it is made, and fails where they do not let it write
  depends_on = [aws_s3_bucket_policy.trail, aws_iam_role_policy.trail]
}
