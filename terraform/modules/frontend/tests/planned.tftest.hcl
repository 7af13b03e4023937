provider "aws" {
  region = "eu-west-1"
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

run "one_name_for_pages_and_api" {
  command = apply

  assert {
    condition     = aws_cloudfront_distribution.this.aliases == toset(["cafe.example.com"]) && aws_cloudfront_distribution.this.web_acl_id == var.web_acl_arn
    error_message = "the domain, behind the firewall"
  }
  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "TLS for everybody"
  }
  assert {
    condition     = tolist([for behaviour in aws_cloudfront_distribution.this.ordered_cache_behavior : behaviour.path_pattern]) == var.api_paths
    error_message = "paths of the API, in the order in which they are tried"
  }
  assert {
    condition = alltrue([for behaviour in aws_cloudfront_distribution.this.ordered_cache_behavior :
      behaviour.target_origin_id == "api" && behaviour.viewer_protocol_policy == "https-only" && behaviour.cache_policy_id == data.aws_cloudfront_cache_policy.api.id
    ])
    error_message = "the API is not cached, and no order goes out in clear text"
  }
  assert {
    condition     = length(aws_cloudfront_distribution.this.custom_error_response) == 0 && one(aws_cloudfront_distribution.this.default_cache_behavior[0].function_association).function_arn == aws_cloudfront_function.spa.arn
    error_message = "the page answers for paths without a file, and the API's errors stay its own"
  }
  assert {
    condition = toset([for origin in aws_cloudfront_distribution.this.origin : origin.origin_id if length(origin.vpc_origin_config) == 1 || origin.origin_access_control_id == aws_cloudfront_origin_access_control.pages.id]
    ) == toset(["pages", "api"])
    error_message = "the pages are asked with a signature, the API inside the VPC"
  }
  assert {
    condition     = aws_cloudfront_vpc_origin.api.vpc_origin_endpoint_config[0].origin_protocol_policy == "https-only"
    error_message = "TLS to the load balancer"
  }
  assert {
    condition     = aws_cloudfront_response_headers_policy.this.security_headers_config[0].strict_transport_security[0].access_control_max_age_sec >= 31536000 && aws_cloudfront_response_headers_policy.this.security_headers_config[0].frame_options[0].frame_option == "DENY"
    error_message = "security headers"
  }
  assert {
    condition     = toset(keys(aws_route53_record.storefront)) == toset(["A", "AAAA"])
    error_message = "IPv4 and IPv6"
  }

  # buckets
  assert {
    condition = one([for statement in jsondecode(data.aws_iam_policy_document.pages.json).Statement :
      "${statement.Principal.Service} ${statement.Action} ${statement.Condition.StringEquals["aws:SourceArn"]}" if statement.Effect == "Allow"
    ]) == "cloudfront.amazonaws.com s3:GetObject ${output.distribution_arn}"
    error_message = "this distribution reads the pages, and nobody else"
  }
  assert {
    condition     = alltrue([for block in [aws_s3_bucket_public_access_block.pages] : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "the bucket is not public"
  }
  assert {
    condition     = aws_cloudwatch_log_delivery_source.cloudfront.region == "us-east-1" && aws_cloudwatch_log_delivery.cloudfront.delivery_destination_arn == aws_cloudwatch_log_delivery_destination.bucket.arn
    error_message = "CloudFront's logs are delivered from us-east-1"
  }
}
