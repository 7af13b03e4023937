# What AWS would refuse late, often after minutes: a case for each validation.
# A run costs seconds however many refusals it holds, so each run holds one for each of several variables.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mocked" }
  }
  mock_resource "aws_rds_cluster" {
    defaults = { master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!aurora" }] }
  }
  mock_resource "aws_docdb_cluster" {
    defaults = { master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!documentdb" }] }
  }
}

variables {
  database_subnet_ids = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_ids  = { aurora = "sg-0aaaaaaaaaaaaaaa0", documentdb = "sg-0bbbbbbbbbbbbbbb0", redshift = "sg-0ccccccccccccccc0" }
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
    security_group_ids = { aurora = "0.0.0.0/0", documentdb = "0.0.0.0/0", redshift = "0.0.0.0/0" }
    # no period of CloudWatch Logs
    log_retention_days = 100
    # a version that is no longer sold
    aurora = { engine_version = "11.9" }
    # a name with a dot
    dynamodb = { tables = { inventory = {}, orders = {}, payments = {}, "a.b" = {} } }
    # a class of RDS, not of DocumentDB
    documentdb = { instance_class = "db.m5.large" }
    # no longer sold
    redshift = { node_type = "dc2.large" }
  }

  expect_failures = [
    var.name,
    var.kms_key_arns,
    var.security_group_ids,
    var.log_retention_days,
    var.aurora,
    var.dynamodb,
    var.documentdb,
    var.redshift,
  ]
}

run "refuses_too_few" {
  command = plan

  variables {
    # one subnet is one Availability Zone
    database_subnet_ids = ["subnet-0a"]
    # nothing to fail over to
    aurora = { instances = 1 }
    # no table of payments
    dynamodb = { tables = { inventory = {}, orders = {} } }
    # protected, yet it falls with its zone
    documentdb = { instances = 1, deletion_protection = true }
    # this type comes in pairs
    redshift = { node_type = "ra3.4xlarge", nodes = 1 }
  }

  expect_failures = [
    var.database_subnet_ids,
    var.aurora,
    var.dynamodb,
    var.documentdb,
    var.redshift,
  ]
}

run "refuses_too_many" {
  command = plan

  variables {
    # 33 letters
    name = "cloudcafe-with-far-too-long-a-name"
    # a cluster has 15 readers
    aurora = { instances = 16, max_readers = 15 }
    # more than the quota
    dynamodb = { write = { max = 40001 } }
    # a cluster has 16 instances
    documentdb = { instances = 17 }
    # more nodes than the type has
    redshift = { nodes = 17 }
  }

  expect_failures = [
    var.name,
    var.aurora,
    var.dynamodb,
    var.documentdb,
    var.redshift,
  ]
}

run "refuses_capacity_and_retention_below_the_least" {
  command = plan

  variables {
    # a writer that pauses
    aurora = { min_acu = 0 }
    # the least above the most
    dynamodb = { read = { min = 50, max = 10 } }
    # no backups
    documentdb = { backup_days = 0 }
    # ra3 needs snapshots
    redshift = { backup_days = 0 }
  }

  expect_failures = [
    var.aurora,
    var.dynamodb,
    var.documentdb,
    var.redshift,
  ]
}

run "refuses_capacity_and_retention_above_the_most" {
  command = plan

  variables {
    # no such size
    aurora = { max_acu = 257 }
    # DynamoDB looks back 35 days
    dynamodb = { recovery_days = 36 }
    # 35 days
    documentdb = { backup_days = 36 }
    # 35 days
    redshift = { backup_days = 36 }
  }

  expect_failures = [
    var.aurora,
    var.dynamodb,
    var.documentdb,
    var.redshift,
  ]
}

run "refuses_a_target_without_room" {
  command = plan

  variables {
    # DynamoDB refuses it
    dynamodb = { target_percent = 95 }
    # a new reader takes minutes
    aurora = { reader_cpu_percent = 95 }
    # a key of another Region than that of the copies
    redshift = { snapshot_copy = { region = "eu-central-1", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/data" } }
  }

  expect_failures = [
    var.dynamodb,
    var.aurora,
    var.redshift,
  ]
}

run "refuses_a_least_above_the_most" {
  command = plan

  variables {
    aurora = { min_acu = 8, max_acu = 4 }
    # copies kept too long
    redshift = { snapshot_copy = { region = "eu-central-1", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/copies", retention_days = 36 } }
  }

  expect_failures = [
    var.aurora,
    var.redshift,
  ]
}

run "refuses_parts_of_half_a_unit" {
  command = plan

  variables {
    aurora = { min_acu = 0.7 }
  }

  expect_failures = [var.aurora]
}

run "refuses_fewer_readers_at_most_than_always" {
  command = plan

  variables {
    aurora = { instances = 4, max_readers = 2 }
  }

  expect_failures = [var.aurora]
}

run "refuses_aurora_backups_beyond_35_days" {
  command = plan

  variables {
    aurora = { backup_days = 36 }
  }

  expect_failures = [var.aurora]
}

run "refuses_aurora_in_one_zone" {
  command = plan

  variables {
    aurora = { availability_zones = ["eu-west-1a", "eu-west-1a"] }
  }

  expect_failures = [var.aurora]
}
