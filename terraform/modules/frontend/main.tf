# The storefront: one name for the pages (S3) and for the API behind them (the ALB, inside the VPC), so that a browser needs no
# CORS and nothing of the cafe but CloudFront stands on the internet for customers.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# AWS's own policies, by name: their ids are the same everywhere, and say nothing to a reader
data "aws_cloudfront_cache_policy" "pages" {
  name = "Managed-CachingOptimized"
}

data "aws_cloudfront_cache_policy" "api" {
  name = "Managed-CachingDisabled"
}

data "aws_cloudfront_origin_request_policy" "api" {
  name = "Managed-AllViewer"
}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  # CloudFront's own things lie in this Region
  global = "us-east-1"
}
