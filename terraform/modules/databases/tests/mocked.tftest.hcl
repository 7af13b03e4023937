# Applied under mocks: how the parts refer to each other.

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
  vpc_id                     = "vpc-0123456789abcdef0"
  database_subnet_ids        = ["subnet-0a", "subnet-0b", "subnet-0c"]
  allowed_security_group_ids = { nodes = "sg-0aaaaaaaaaaaaaaa0", workers = "sg-0bbbbbbbbbbbbbbb0" }
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "stores_are_reached_by_named_peers_only" {
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.store) == 6
    error_message = "Three stores, two peers each."
  }
  assert {
    condition = alltrue([
      for key, rule in aws_vpc_security_group_ingress_rule.store :
      rule.cidr_ipv4 == null && rule.from_port == rule.to_port && contains(values(var.allowed_security_group_ids), rule.referenced_security_group_id)
    ])
    error_message = "A way in is one port from one security group, never an address range."
  }
  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.store["aurora-from-nodes"].security_group_id == output.security_group_ids.aurora &&
      aws_vpc_security_group_ingress_rule.store["aurora-from-nodes"].from_port == 5432
    )
    error_message = "Each rule belongs to the group of its store."
  }
  assert {
    condition     = aws_rds_cluster.aurora.vpc_security_group_ids == toset([output.security_group_ids.aurora])
    error_message = "Aurora has its own group, and no other."
  }

  # passwords are where AWS keeps them
  assert {
    condition     = endswith(output.aurora_secret_arn, "rds!aurora") && endswith(output.documentdb_secret_arn, "rds!documentdb")
    error_message = "The secrets are those that RDS and DocumentDB made."
  }
  assert {
    condition     = output.redshift_secret_arn == aws_redshift_cluster.this.master_password_secret_arn
    error_message = "The secret is that which Redshift made."
  }

  # what the chart and the policies are told
  assert {
    condition     = output.aurora_endpoint == aws_rds_cluster.aurora.endpoint && output.redshift_endpoint == aws_redshift_cluster.this.dns_name
    error_message = "The writer's name, and the warehouse's without port."
  }
  assert {
    condition     = output.dynamodb_table_arns == { for key, table in aws_dynamodb_table.this : key => table.arn } && output.dynamodb_table_names.orders == "cloudcafe-orders"
    error_message = "Tables by what they hold."
  }
  assert {
    condition     = alltrue([for instance in aws_rds_cluster_instance.aurora : instance.cluster_identifier == aws_rds_cluster.aurora.id && instance.monitoring_role_arn == aws_iam_role.monitoring.arn])
    error_message = "Instances belong to the cluster and are watched."
  }
}
