# What must be refused before AWS is asked: a case for each validation.

mock_provider "aws" {}

variables {
  vpc_id                   = "vpc-1"
  private_subnet_ids       = ["subnet-a", "subnet-b"]
  security_group_ids       = { nodes = "sg-1", control-plane = "sg-2", analytics-worker = "sg-3", loyalty = "sg-4" }
  kms_key_arns             = { data = "arn:aws:kms:eu-west-1:111122223333:key/data", state = "arn:aws:kms:eu-west-1:111122223333:key/state", logs = "arn:aws:kms:eu-west-1:111122223333:key/logs" }
  service_token_secret_arn = "arn:token"
  cluster                  = { authorised_arns = { ops = "arn:ops" } }
  analytics                = { environment = {}, secrets = {}, secret_arns = [], policy_arn = "arn:a" }
  spares                   = { memorydb_endpoint = "m", memorydb_secret = "arn:m", policy_arn = "arn:l" }
}

run "old_kubernetes_one_subnet_lonely_node_latest_and_the_rest" {
  command = plan

  variables {
    name               = "CloudCafe"
    namespace          = "Cloud_Cafe"
    private_subnet_ids = ["subnet-a"]
    log_retention_days = 31
    cluster            = { version = "1.33", authorised_arns = { ops = "arn:ops" } }
    nodes              = { min = 1 }
    image_tags         = { order = "latest" }
    image_keep         = 1
    analytics          = { min = 0, environment = {}, secrets = {}, secret_arns = [], policy_arn = "arn:a" }
    spares             = { min = 3, max = 2, memorydb_endpoint = "m", memorydb_secret = "arn:m", policy_arn = "arn:l" }
  }

  expect_failures = [
    var.name, var.namespace, var.private_subnet_ids, var.log_retention_days, var.cluster, var.nodes, var.image_tags,
    var.image_keep, var.analytics, var.spares,
  ]
}

run "the_whole_internet_spot_by_another_name_a_pair_that_fargate_lacks" {
  command = plan

  variables {
    cluster    = { public_cidrs = ["0.0.0.0/0"], authorised_arns = { ops = "arn:ops" } }
    nodes      = { capacity_type = "CHEAP" }
    image_tags = { menus = "a1" }
    analytics  = { cpu = 256, memory = 4096, environment = {}, secrets = {}, secret_arns = [], policy_arn = "arn:a" }
    spares     = { warm = 3, memorydb_endpoint = "m", memorydb_secret = "arn:m", policy_arn = "arn:l" }
  }

  expect_failures = [var.cluster, var.nodes, var.image_tags, var.analytics, var.spares]
}

run "nobody_may_enter_a_tiny_disk_a_foreign_variable" {
  command = plan

  variables {
    images    = ["order", "loyalty"]
    cluster   = { authorised_arns = {} }
    nodes     = { disk_gib = 10 }
    analytics = { environment = { PATH = "/" }, secrets = {}, secret_arns = [], policy_arn = "arn:a" }
  }

  expect_failures = [var.images, var.cluster, var.nodes, var.analytics]
}

run "unknown_support_and_arm_nodes" {
  command = plan

  variables {
    cluster = { support = "FOREVER", authorised_arns = { ops = "arn:ops" } }
    nodes   = { instance_types = ["m7g.large"] }
  }

  expect_failures = [var.cluster, var.nodes]
}
