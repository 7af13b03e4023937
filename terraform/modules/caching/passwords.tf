# A password is drawn while Terraform applies, written to Secrets Manager by an argument that is never stored, and read from there by
# CloudFormation, which makes the users: aws_memorydb_user would put it into the state, and aws_elasticache_user would need it a second
# time, though an apply that broke in the middle has forgotten it. So the secret alone says what the password is.

# letters and digits only: it stands in a URL
ephemeral "random_password" "this" {
  for_each = local.caches

  length  = 48
  special = false
}

# beside the operator's own secrets (<name>/…), not among them
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Rotated by password_version: a rotation needs the pods restarted
  for_each = local.caches

  name                    = "${var.name}-platform/${each.key}"
  description             = "User of ${each.value}; JSON with username and password"
  kms_key_id              = var.kms_key_arns.data
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = local.caches

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    username = var.name
    password = ephemeral.random_password.this[each.key].result
  })
}

locals {
  # resolved by CloudFormation when it makes or changes a user; with the version in it, a new password changes the template
  password_references = {
    for key, version in aws_secretsmanager_secret_version.this :
    key => "{{resolve:secretsmanager:${aws_secretsmanager_secret.this[key].arn}:SecretString:password::${version.version_id}}}"
  }
}

resource "aws_cloudformation_stack" "users" {
  #checkov:skip=CKV_AWS_124:Terraform waits for the stack and reports what it came to
  name = "${var.name}-cache-users"

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Users of ElastiCache and MemoryDB, with passwords that only Secrets Manager knows"
    Resources = {
      Elasticache = {
        Type = "AWS::ElastiCache::User"
        Properties = {
          UserId             = var.name
          UserName           = var.name
          Engine             = "valkey"
          AccessString       = local.cache_access
          AuthenticationMode = { Type = "password", Passwords = [local.password_references["elasticache"]] }
        }
      }
      Memorydb = {
        Type = "AWS::MemoryDB::User"
        Properties = {
          UserName           = var.name
          AccessString       = local.access
          AuthenticationMode = { Type = "password", Passwords = [local.password_references["memorydb"]] }
        }
      }
    }
  })
}
