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
  database_subnet_ids = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_ids  = { aurora = "sg-0aaaaaaaaaaaaaaa0", documentdb = "sg-0bbbbbbbbbbbbbbb0", redshift = "sg-0ccccccccccccccc0" }
  kms_key_arns = {
    data     = "arn:aws:kms:eu-west-1:111122223333:key/data"
    messages = "arn:aws:kms:eu-west-1:111122223333:key/messages"
    logs     = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  }
}

run "stores_refer_to_what_is_theirs" {
  assert {
    condition = (
      aws_rds_cluster.aurora.vpc_security_group_ids == toset([var.security_group_ids.aurora]) &&
      aws_docdb_cluster.this.vpc_security_group_ids == toset([var.security_group_ids.documentdb]) &&
      aws_redshift_cluster.this.vpc_security_group_ids == toset([var.security_group_ids.redshift])
    )
    error_message = "Each store has its own group, and no other."
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
