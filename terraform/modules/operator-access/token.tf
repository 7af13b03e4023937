# The token by which services know each other. It is made while applying and never enters the state.

ephemeral "aws_secretsmanager_random_password" "token" {
  password_length     = 48
  exclude_punctuation = true
}

# not below <name>/, which is the operator's: it may delete secrets there
resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV2_AWS_57:Rotated by token_version: a rotation needs the services restarted
  name                    = "${var.name}-platform/service-token"
  description             = "The token by which the services of ${var.name} know each other"
  kms_key_id              = var.kms_key_arns.data
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "token" {
  secret_id                = aws_secretsmanager_secret.token.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.token.random_password
  secret_string_wo_version = var.token_version
}
