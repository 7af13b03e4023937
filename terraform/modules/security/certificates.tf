# One name and all below it, for the load balancers in the Region and for CloudFront in us-east-1.

resource "aws_acm_certificate" "this" {
  for_each = { regional = local.region, cloudfront = local.global }
  region   = each.value

  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"

  tags = { Name = "${var.name}-${each.key}" }

  # a listener gives up the old one only when it has the new one
  lifecycle {
    create_before_destroy = true
  }
}

locals {
  # ACM asks an account for one record per domain: the same for the name, for all below it, and in every Region
  validation = one([for option in aws_acm_certificate.this["regional"].domain_validation_options : option if option.domain_name == var.domain])
}

resource "aws_route53_record" "validation" {
  zone_id = var.hosted_zone_id
  name    = local.validation.resource_record_name
  type    = local.validation.resource_record_type
  records = [local.validation.resource_record_value]
  ttl     = 300
  # another environment of the same domain has made the same record
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  for_each = aws_acm_certificate.this
  region   = each.value.region

  certificate_arn         = each.value.arn
  validation_record_fqdns = [aws_route53_record.validation.fqdn]
}
