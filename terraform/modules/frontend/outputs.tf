output "url" {
  description = "Where customers find the cafe."
  value       = "https://${var.domain}"
}

output "distribution_id" {
  description = "The distribution, for invalidations after the pages were uploaded."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_arn" {
  description = "The distribution's ARN."
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_domain" {
  description = "CloudFront's own name of the distribution."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "bucket" {
  description = "Bucket of the storefront's pages."
  value       = aws_s3_bucket.pages.id
}

output "log_bucket" {
  description = "Bucket of CloudFront's access logs."
  value       = module.logs.bucket
}
