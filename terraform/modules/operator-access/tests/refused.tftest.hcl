# What must be refused before AWS is asked: a case for each validation and precondition.

provider "aws" {
  region = "eu-west-1"
}

variables {
  cluster_name = "cloudcafe"
  kms_key_arns = { data = "arn:aws:kms:eu-west-1:111122223333:key/data", messages = "arn:aws:kms:eu-west-1:111122223333:key/messages" }
}

run "names_that_kubernetes_refuses_and_what_is_no_arn" {
  command = plan

  variables {
    name          = "x"
    namespace     = "Cloud_Cafe"
    resource_arns = { "cloudcafe-orders" = "cloudcafe-orders" }
    recovery_days = 3
    token_version = 0
  }

  expect_failures = [var.name, var.namespace, var.resource_arns, var.recovery_days, var.token_version]
}

run "a_table_that_no_arn_is_given_for" {
  command = plan
  variables { resource_arns = {} }
  expect_failures = [aws_iam_policy.service]
}
