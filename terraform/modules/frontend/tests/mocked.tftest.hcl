mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = { arn = "arn:aws:cloudfront::111122223333:distribution/MOCK" }
  }
  mock_resource "aws_cloudfront_function" {
    defaults = { arn = "arn:aws:cloudfront::111122223333:function/mock" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }
  mock_resource "aws_cloudwatch_log_delivery_destination" {
    defaults = { arn = "arn:aws:logs:us-east-1:111122223333:delivery-destination:mock" }
  }
}

variables {
  domain          = "cafe.example.com"
  hosted_zone_id  = "Z0123456789ABCDEFGHIJ"
  certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  web_acl_arn     = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/cloudcafe-cloudfront/12345678"
  alb_arn         = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/cloudcafe-alb/0123456789abcdef"
  alb_dns_name    = "internal-cloudcafe-alb-123.eu-west-1.elb.amazonaws.com"
  kms_key_arns    = { logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "a_bucket_for_pages_and_one_for_logs" {
  command = apply

  assert {
    condition     = aws_s3_bucket.pages.bucket == "cloudcafe-storefront-111122223333-eu-west-1" && output.log_bucket != output.bucket
    error_message = "names of buckets are unique in the world"
  }
  assert {
    condition     = output.url == "https://cafe.example.com" && output.bucket == aws_s3_bucket.pages.id
    error_message = "outputs"
  }
}
