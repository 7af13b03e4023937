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
  azs          = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  kms_key_arns = { logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "refuses_names_networks_and_zones_that_are_none" {
  command = plan

  variables {
    # capitals
    name = "CloudCafe"
    # no network
    cidr = "ten dot twenty"
    # two zones
    azs = ["eu-west-1a", "eu-west-1b"]
    # no such service
    interface_endpoints = ["simple-queue"]
    # begins inside its network
    till_cidrs = ["203.0.113.7/24"]
    # a period that CloudWatch does not know
    flow_log_retention_days = 31
    # a key by its alias
    kms_key_arns = { logs = "alias/cloudcafe-logs" }
  }

  expect_failures = [var.name, var.cidr, var.azs, var.interface_endpoints, var.till_cidrs, var.flow_log_retention_days, var.kms_key_arns]
}

run "refuses_what_looks_right" {
  command = plan

  variables {
    # too long for a load balancer
    name = "cloudcafe-of-the-north"
    # begins inside its network
    cidr = "10.20.0.1/16"
    # a zone twice
    azs = ["eu-west-1a", "eu-west-1b", "eu-west-1b"]
    # there is a gateway for it
    interface_endpoints = ["dynamodb"]
    # everybody
    till_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.name, var.cidr, var.azs, var.interface_endpoints, var.till_cidrs]
}

run "refuses_networks_that_aws_does_not_take" {
  command = plan

  variables {
    # larger than AWS takes
    cidr = "10.0.0.0/12"
    # ids, not names
    azs = ["euw1-az1", "euw1-az2", "euw1-az3"]
    # half a registry
    interface_endpoints = ["ecr.api"]
  }

  expect_failures = [var.cidr, var.azs, var.interface_endpoints]
}

run "refuses_a_network_too_small_for_its_subnets" {
  command = plan

  variables {
    # a /20 leaves subnets of 16 addresses
    cidr = "10.20.0.0/20"
  }

  expect_failures = [var.cidr]
}

run "refuses_public_addresses" {
  command = plan

  variables {
    # somebody else's
    cidr = "52.20.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_zones_of_another_region" {
  command = plan

  variables {
    # the provider is in eu-west-1
    azs = ["us-east-1a", "us-east-1b", "us-east-1c"]
  }

  expect_failures = [aws_vpc.this]
}
