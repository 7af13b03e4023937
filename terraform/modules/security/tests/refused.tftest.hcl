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
  domain         = "cafe.example.com"
  hosted_zone_id = "Z0123456789ABCDEFGHIJ"
}

run "refuses_what_aws_does_not_take" {
  command = plan

  variables {
    # no bucket has an underscore
    name = "cloud_cafe"
    # an asterisk is added by the module
    domain = "*.example.com"
    # as the console shows it
    hosted_zone_id = "/hostedzone/Z0123456789ABCDEFGHIJ"
    # less than a week
    key_deletion_days = 6
    # less than the firewall counts
    waf_requests_per_5_minutes = 9
    # a period that CloudWatch does not know
    log_retention_days = 31
    # forgotten as soon as it is moved
    trail = { retention_days = 90 }
    # no such feature
    guardduty = { features = ["MIND_READING"] }
  }

  expect_failures = [var.name, var.domain, var.hosted_zone_id, var.key_deletion_days, var.waf_requests_per_5_minutes, var.log_retention_days, var.trail, var.guardduty]
}

run "refuses_what_looks_right" {
  command = plan

  variables {
    # a certificate's first name has 64 characters
    domain = "the-cafe-at-the-end-of-the-long-street-by-the-old-harbour.example.com"
    # one includes the other
    guardduty = { features = ["RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"] }
    # half a day
    key_deletion_days = 7.5
  }

  expect_failures = [var.domain, var.guardduty, var.key_deletion_days]
}
