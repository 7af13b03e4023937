# What AWS would refuse late, or take and not mean, is refused here. A run holds one wrong value for each of several
# variables: all of them must be refused, and a run costs seconds.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
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

run "refuses_what_aws_does_not_take" {
  command = plan

  variables {
    # no bucket has an underscore
    name = "cloud_cafe"
    # a trailing dot
    domain = "cafe.example.com."
    # as the console shows it
    hosted_zone_id = "/hostedzone/Z0123456789ABCDEFGHIJ"
    # the load balancer's
    certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
    # the load balancer's
    web_acl_arn = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/cloudcafe-regional/12345678"
    # the tills'
    alb_arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/cloudcafe-tills/0123456789abcdef"
    # a name of ours, which leads through the internet
    alb_dns_name = "api.cafe.example.com"
    # all pages too
    api_paths = ["/"]
    # no such class
    price_class = "PriceClass_300"
    # half a day
    access_log_days = 1.5
    # a key by its alias
    kms_key_arns = { logs = "alias/cloudcafe-logs" }
  }

  expect_failures = [var.name, var.domain, var.hosted_zone_id, var.certificate_arn, var.web_acl_arn, var.alb_arn, var.alb_dns_name, var.api_paths, var.price_class, var.access_log_days, var.kms_key_arns]
}

run "refuses_more_paths_than_a_distribution_has_behaviours" {
  command = plan

  variables {
    # 25, and the pages
    api_paths = [for number in range(25) : "/path-${number}"]
  }

  expect_failures = [var.api_paths]
}
