# What AWS would refuse late, often after minutes: a case for each validation.
# A run costs seconds however many refusals it holds, so each run holds one for each of several variables.

mock_provider "aws" {
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:mocked" }
  }
  mock_resource "aws_memorydb_cluster" {
    defaults = { cluster_endpoint = [{ address = "clustercfg.cloudcafe.memorydb.eu-west-1.amazonaws.com", port = 6379 }] }
  }
}

variables {
  database_subnet_ids = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_ids  = { elasticache = "sg-0aaaaaaaaaaaaaaa0", memorydb = "sg-0bbbbbbbbbbbbbbb0" }
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "refuses_what_is_no_such_thing" {
  command = plan

  variables {
    # capitals
    name = "CloudCafe"
    # aliases instead of keys
    kms_key_arns = { data = "alias/data", messages = "alias/messages", logs = "alias/logs" }
    # an address range instead of a group
    security_group_ids = { elasticache = "0.0.0.0/0", memorydb = "0.0.0.0/0" }
    # no period of CloudWatch Logs
    log_retention_days = 100
    # half a version
    password_version = 1.5
    # less than a week, and not none
    secret_recovery_days = 3
    # a node of RDS
    elasticache = { node_type = "db.t4g.small" }
    # a node of ElastiCache
    memorydb = { node_type = "cache.t4g.small" }
  }

  expect_failures = [
    var.name,
    var.kms_key_arns,
    var.security_group_ids,
    var.log_retention_days,
    var.password_version,
    var.secret_recovery_days,
    var.elasticache,
    var.memorydb,
  ]
}

run "refuses_versions_that_aws_does_not_run" {
  command = plan

  variables {
    # a Redis, of another engine
    elasticache = { engine_version = "6.2" }
    # a Redis, of another engine
    memorydb = { engine_version = "6.2" }
    # 26 letters: 40 with all that is added
    name = "cloudcafe-with-long-a-name"
  }

  expect_failures = [
    var.elasticache,
    var.memorydb,
    var.name,
  ]
}

run "refuses_too_few" {
  command = plan

  variables {
    # one subnet is one Availability Zone
    database_subnet_ids = ["subnet-0a"]
    # multi-AZ with a single node
    elasticache = { nodes = 1 }
    # nothing to fail over to
    memorydb = { replicas = 0 }
    # versions begin with 1
    password_version = 0
  }

  expect_failures = [
    var.database_subnet_ids,
    var.elasticache,
    var.memorydb,
    var.password_version,
  ]
}

run "refuses_too_many" {
  command = plan

  variables {
    # a primary has five replicas
    elasticache = { nodes = 7 }
    # a shard has five replicas
    memorydb = { replicas = 6 }
    # more than a month
    secret_recovery_days = 31
  }

  expect_failures = [
    var.elasticache,
    var.memorydb,
    var.secret_recovery_days,
  ]
}

run "refuses_snapshots_beyond_35_days" {
  command = plan

  variables {
    elasticache = { snapshot_days = 36 }
    memorydb    = { snapshot_days = 36 }
  }

  expect_failures = [
    var.elasticache,
    var.memorydb,
  ]
}

run "refuses_to_protect_points_without_snapshots" {
  command = plan

  variables {
    memorydb = { snapshot_days = 0 }
  }

  expect_failures = [var.memorydb]
}
