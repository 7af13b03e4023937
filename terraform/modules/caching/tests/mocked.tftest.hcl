# Applied under mocks: how the parts refer to each other.

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

run "passwords_stay_in_the_secrets" {
  assert {
    condition     = alltrue([for version in aws_secretsmanager_secret_version.this : version.secret_string_wo == null && version.secret_string_wo_version == 1])
    error_message = "What is stored is the version, not the password."
  }
  assert {
    condition = {
      for key, user in jsondecode(aws_cloudformation_stack.users.template_body).Resources :
      lower(key) => user.Properties.AuthenticationMode.Passwords
      } == {
      for key, version in aws_secretsmanager_secret_version.this :
      key => ["{{resolve:secretsmanager:${aws_secretsmanager_secret.this[key].arn}:SecretString:password::${version.version_id}}}"]
    }
    error_message = "CloudFormation reads each user's password from its secret, in the version that was written."
  }
  assert {
    condition = (
      jsondecode(aws_cloudformation_stack.users.template_body).Resources.Memorydb.Properties.UserName == one(aws_memorydb_acl.this.user_names) &&
      jsondecode(aws_cloudformation_stack.users.template_body).Resources.Elasticache.Properties.UserId == one(aws_elasticache_user_group.this.user_ids)
    )
    error_message = "The caches let in the users that the stack made, and nobody else."
  }

  # who may come
  assert {
    condition = (
      aws_elasticache_replication_group.this.security_group_ids == toset([var.security_group_ids.elasticache]) &&
      aws_memorydb_cluster.this.security_group_ids == toset([var.security_group_ids.memorydb])
    )
    error_message = "Each cache has its own group, and no other."
  }

  # what the chart is told
  assert {
    condition     = output.elasticache_endpoint == aws_elasticache_replication_group.this.primary_endpoint_address && startswith(output.memorydb_endpoint, "clustercfg.")
    error_message = "ElastiCache is called by its primary's name, MemoryDB by its cluster's, whose client asks for the primary."
  }
  assert {
    condition     = output.elasticache_secret_arn == aws_secretsmanager_secret.this["elasticache"].arn
    error_message = "The secret that was written."
  }
}
