# Pages and access logs. Both are private; the pages are read by this distribution alone.

module "logs" {
  source = "../log-bucket"

  name          = "${var.name}-cdn-logs-${local.account}-${local.region}"
  kms_key_arn   = var.kms_key_arns.logs
  days          = var.access_log_days
  force_destroy = var.force_destroy

  writers = [{
    sid     = "DistributionsLogsArrive"
    service = "delivery.logs.amazonaws.com"
    objects = "AWSLogs/${local.account}/*"
    only    = { test = "ArnLike", variable = "aws:SourceArn", value = "arn:${local.partition}:logs:${local.global}:${local.account}:delivery-source:${var.name}-*" }
  }]
}

resource "aws_s3_bucket" "pages" {
  #checkov:skip=CKV_AWS_18:Access to the pages is in CloudFront's logs
  #checkov:skip=CKV_AWS_144:The pages are built from this repository
  #checkov:skip=CKV_AWS_145:What every customer may read needs no key of ours
  #checkov:skip=CKV2_AWS_62:Nobody waits for the files
  bucket        = "${var.name}-storefront-${local.account}-${local.region}"
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "pages" {
  bucket                  = aws_s3_bucket.pages.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "pages" {
  bucket = aws_s3_bucket.pages.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# a bad deployment of the pages is taken back by their former versions
resource "aws_s3_bucket_versioning" "pages" {
  bucket = aws_s3_bucket.pages.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "pages" {
  bucket = aws_s3_bucket.pages.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# pages stay for as long as they are the current ones
resource "aws_s3_bucket_lifecycle_configuration" "pages" {
  bucket = aws_s3_bucket.pages.id

  rule {
    id     = "forget"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "pages" {
  statement {
    sid       = "DistributionReads"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.pages.arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.this.arn]
    }
  }

  statement {
    sid       = "NothingInClearText"
    effect    = "Deny"
    actions   = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = [aws_s3_bucket.pages.arn, "${aws_s3_bucket.pages.arn}/*"]

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

resource "aws_s3_bucket_policy" "pages" {
  bucket = aws_s3_bucket.pages.id
  policy = data.aws_iam_policy_document.pages.json
}
