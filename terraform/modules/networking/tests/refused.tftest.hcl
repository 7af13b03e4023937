# What AWS would refuse late, or take and not mean, is refused here.

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

run "a_name_in_capitals" {
  command = plan

  variables {
    name = "CloudCafe"
  }

  expect_failures = [var.name]
}

run "a_name_too_long_for_a_load_balancer" {
  command = plan

  variables {
    name = "cloudcafe-of-the-north"
  }

  expect_failures = [var.name]
}

run "a_cidr_that_is_no_network" {
  command = plan

  variables {
    cidr = "ten dot twenty"
  }

  expect_failures = [var.cidr]
}

run "a_cidr_that_begins_inside_a_network" {
  command = plan

  variables {
    cidr = "10.20.0.1/16"
  }

  expect_failures = [var.cidr]
}

run "a_network_larger_than_aws_takes" {
  command = plan

  variables {
    cidr = "10.0.0.0/12"
  }

  expect_failures = [var.cidr]
}

run "a_network_too_small_for_its_subnets" {
  command = plan

  variables {
    cidr = "10.20.0.0/20"
  }

  expect_failures = [var.cidr]
}

run "a_network_of_public_addresses" {
  command = plan

  variables {
    cidr = "52.20.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "two_zones" {
  command = plan

  variables {
    azs = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.azs]
}

run "a_zone_twice" {
  command = plan

  variables {
    azs = ["eu-west-1a", "eu-west-1b", "eu-west-1b"]
  }

  expect_failures = [var.azs]
}

run "ids_in_place_of_zone_names" {
  command = plan

  variables {
    azs = ["euw1-az1", "euw1-az2", "euw1-az3"]
  }

  expect_failures = [var.azs]
}

run "zones_of_another_region" {
  command = plan

  variables {
    azs = ["us-east-1a", "us-east-1b", "us-east-1c"]
  }

  expect_failures = [aws_vpc.this]
}

run "an_interface_endpoint_that_does_not_exist" {
  command = plan

  variables {
    interface_endpoints = ["simple-queue"]
  }

  expect_failures = [var.interface_endpoints]
}

run "an_interface_endpoint_where_there_is_a_gateway" {
  command = plan

  variables {
    interface_endpoints = ["dynamodb"]
  }

  expect_failures = [var.interface_endpoints]
}

run "half_a_registry" {
  command = plan

  variables {
    interface_endpoints = ["ecr.api"]
  }

  expect_failures = [var.interface_endpoints]
}

run "a_till_network_that_begins_inside_a_network" {
  command = plan

  variables {
    till_cidrs = ["203.0.113.7/24"]
  }

  expect_failures = [var.till_cidrs]
}

run "tills_on_the_whole_internet" {
  command = plan

  variables {
    till_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.till_cidrs]
}

run "a_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    flow_log_retention_days = 31
  }

  expect_failures = [var.flow_log_retention_days]
}

run "a_key_by_its_alias" {
  command = plan

  variables {
    kms_key_arns = { logs = "alias/cloudcafe-logs" }
  }

  expect_failures = [var.kms_key_arns]
}
