# Every request to the storefront, in the bucket of logs. CloudFront's deliveries are made in us-east-1, wherever the bucket is.

resource "aws_cloudwatch_log_delivery_source" "cloudfront" {
  region = local.global

  name         = "${var.name}-cloudfront"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
}

resource "aws_cloudwatch_log_delivery_destination" "bucket" {
  region = local.global

  name          = "${var.name}-cloudfront-bucket"
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = module.logs.arn
  }
}

resource "aws_cloudwatch_log_delivery" "cloudfront" {
  region = local.global

  delivery_source_name     = aws_cloudwatch_log_delivery_source.cloudfront.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.bucket.arn
}
