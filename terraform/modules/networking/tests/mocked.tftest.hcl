# The shape of the network, without any provider.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:flow" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/flow" }
  }
}

variables {
  azs          = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  kms_key_arns = { logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "three_zones_with_three_subnets_each" {
  command = apply

  assert {
    condition     = length(output.public_subnet_ids) == 3 && length(output.private_subnet_ids) == 3 && length(output.database_subnet_ids) == 3
    error_message = "nine subnets"
  }
  assert {
    condition     = toset(keys(output.security_group_ids)) == toset(keys(local.groups))
    error_message = "each service and store has a group"
  }
  assert {
    condition     = length([for way in output.ways : way if startswith(way, "tills ")]) == 2 && length([for key in keys(aws_vpc_security_group_ingress_rule.this) : key if startswith(key, "tills ")]) == 0
    error_message = "without networks of stores, the doors of tills and boards have no rule"
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_endpoint.gateway) == 2
    error_message = "endpoints"
  }
}
