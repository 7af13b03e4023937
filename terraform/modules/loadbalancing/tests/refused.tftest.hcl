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
  vpc_id             = "vpc-0123456789abcdef0"
  private_subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  public_subnet_ids  = ["subnet-d", "subnet-e", "subnet-f"]
  security_group_ids = { alb = "sg-alb", alb-lattice = "sg-lattice", nlb = "sg-nlb" }
  domain             = "cafe.example.com"
  hosted_zone_id     = "Z0123456789ABCDEFGHIJ"
  certificate_arn    = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  web_acl_arn        = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/cloudcafe-regional/12345678"
  order_role_arns    = ["arn:aws:iam::111122223333:role/cloudcafe-order"]
  kms_key_arns       = { logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "refuses_what_aws_does_not_take" {
  command = plan

  variables {
    # capitals
    name = "CloudCafe"
    # a name, not an id
    vpc_id = "cloudcafe"
    # one zone
    private_subnet_ids = ["subnet-a"]
    # one zone
    public_subnet_ids = ["subnet-d"]
    # names, not ids
    security_group_ids = { alb = "alb", alb-lattice = "alb-lattice", nlb = "nlb" }
    # a URL
    domain = "https://cafe.example.com"
    # as the console shows it
    hosted_zone_id = "/hostedzone/Z0123456789ABCDEFGHIJ"
    # of IAM, not of ACM
    certificate_arn = "arn:aws:iam::111122223333:server-certificate/cafe"
    # CloudFront's
    web_acl_arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/cloudcafe-cloudfront/12345678"
    # nobody
    order_role_arns = []
    # asked more often than AWS does
    health_check = { interval = 4 }
    # longer than a pod lives
    deregistration_seconds = 300
    # forgotten at once
    access_log_days = 0
    # a period that CloudWatch does not know
    log_retention_days = 31
    # a key by its alias
    kms_key_arns = { logs = "alias/cloudcafe-logs" }
  }

  expect_failures = [var.name, var.vpc_id, var.private_subnet_ids, var.public_subnet_ids, var.security_group_ids, var.domain, var.hosted_zone_id, var.certificate_arn, var.web_acl_arn, var.order_role_arns, var.health_check, var.deregistration_seconds, var.access_log_days, var.log_retention_days, var.kms_key_arns]
}

run "refuses_what_looks_right" {
  command = plan

  variables {
    # a subnet twice
    private_subnet_ids = ["subnet-a", "subnet-a"]
    # everybody
    order_role_arns = ["arn:aws:iam::111122223333:role/*"]
    # asked again before the answer is given up
    health_check = { interval = 5, timeout = 5 }
  }

  expect_failures = [var.private_subnet_ids, var.order_role_arns, var.health_check]
}

run "refuses_a_target_that_one_answer_condemns" {
  command = plan

  variables {
    # two answers at least
    health_check = { unhealthy = 1 }
  }

  expect_failures = [var.health_check]
}

run "refuses_a_certificate_of_another_region" {
  command = plan

  variables {
    # CloudFront's
    certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  }

  expect_failures = [aws_lb_listener.customers]
}
