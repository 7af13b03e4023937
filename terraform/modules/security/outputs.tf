output "kms_key_arns" {
  description = "Keys by class of data: data, messages, logs, state."
  value       = { for class, key in aws_kms_key.this : class => key.arn }
}

output "certificate_arn" {
  description = "Validated certificate of the Region, for load balancers and API Gateway."
  value       = aws_acm_certificate_validation.this["regional"].certificate_arn
}

output "cloudfront_certificate_arn" {
  description = "Validated certificate in us-east-1, for CloudFront."
  value       = aws_acm_certificate_validation.this["cloudfront"].certificate_arn
}

output "web_acl_arns" {
  description = "The firewall's rules: regional for load balancers, cloudfront for CloudFront."
  value       = { for place, acl in aws_wafv2_web_acl.this : place => acl.arn }
}

output "trail_arn" {
  description = "The trail; null where this stack makes none."
  value       = one([for trail in aws_cloudtrail.this : trail.arn])
}

output "trail_log_group_name" {
  description = "Log group of the trail, for metric filters; null where this stack makes none."
  value       = one([for group in aws_cloudwatch_log_group.trail : group.name])
}

output "guardduty_detector_id" {
  description = "GuardDuty's detector; null where this stack makes none."
  value       = one(aws_guardduty_detector.this[*].id)
}
