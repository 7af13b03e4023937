# Pages and access logs. Both are private; the pages are read by this distribution alone.

locals {
  buckets = {
    pages = "${var.name}-storefront-${local.account}-${local.region}"
    logs  = "${var.name}-cdn-logs-${local.account}-${local.region}"
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Access to the pages is in CloudFront's logs, and a log of reading logs would never end
  #checkov:skip=CKV_AWS_144:The pages are built from this repository, and logs are not restored in another Region
  #checkov:skip=CKV_AWS_145:What every customer may read needs no key of ours; the logs have one
  #checkov:skip=CKV2_AWS_62:Nobody waits for the files
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# a bad deployment of the pages is taken back by their former versions
resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = each.key == "logs"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "logs" ? "aws:kms" : "AES256"
      kms_master_key_id = each.key == "logs" ? var.kms_key_arns.logs : null
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    id     = "forget"
    status = "Enabled"

    filter {}

    # pages stay for as long as they are the current ones
    dynamic "expiration" {
      for_each = each.key == "logs" ? [var.access_log_days] : []

      content {
        days = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = {
    pages = {
      sid       = "DistributionReads"
      action    = "s3:GetObject"
      objects   = "*"
      service   = "cloudfront.amazonaws.com"
      condition = { test = "StringEquals", variable = "aws:SourceArn", value = aws_cloudfront_distribution.this.arn }
    }
    logs = {
      sid       = "DistributionsLogsArrive"
      action    = "s3:PutObject"
      objects   = "AWSLogs/${local.account}/*"
      service   = "delivery.logs.amazonaws.com"
      condition = { test = "ArnLike", variable = "aws:SourceArn", value = "arn:${local.partition}:logs:${local.global}:${local.account}:delivery-source:${var.name}-*" }
    }
  }

  statement {
    sid       = each.value.sid
    actions   = [each.value.action]
    resources = ["${aws_s3_bucket.this[each.key].arn}/${each.value.objects}"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }

    condition {
      test     = each.value.condition.test
      variable = each.value.condition.variable
      values   = [each.value.condition.value]
    }
  }

  statement {
    sid       = "NothingInClearText"
    effect    = "Deny"
    actions   = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]

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

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.bucket[each.key].json
}
