resource "aws_backup_vault" "this" {
  name          = var.name
  kms_key_arn   = var.kms_key_arns.data
  force_destroy = var.vault_force_destroy
}

resource "aws_backup_vault_lock_configuration" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = var.lock.min_days
  max_retention_days  = var.lock.max_days
  changeable_for_days = var.lock.changeable_for_days

  lifecycle {
    precondition {
      condition     = alltrue([for days in local.kept_days : days >= var.lock.min_days && days <= var.lock.max_days])
      error_message = "Every retention must lie within the lock's min_days and max_days: a job that asks for another fails, each night, and nothing is kept."
    }
  }
}

# The provider takes a Region for each resource, so the second one needs no provider of its own.
data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "copies" {
  #checkov:skip=CKV_AWS_109:The resource "*" of a key policy is this key alone
  #checkov:skip=CKV_AWS_111:The resource "*" of a key policy is this key alone
  #checkov:skip=CKV_AWS_356:The resource "*" of a key policy is this key alone
  # in a key's own policy, "*" is this key
  statement {
    sid       = "AccountDecides"
    resources = ["*"]
    actions = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias", # IAM asks the key as well as the alias
      "kms:CreateGrant",
      "kms:Decrypt",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:DisableKeyRotation",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:Encrypt",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListGrants",
      "kms:ListKeyPolicies",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:RevokeGrant",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "copies" {
  region = var.copy_region

  description             = "Copies of ${var.name}'s recovery points"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.copies.json
}

resource "aws_kms_alias" "copies" {
  region = var.copy_region

  name          = "alias/${var.name}-copies"
  target_key_id = aws_kms_key.copies.key_id
}

resource "aws_backup_vault" "copies" {
  region = var.copy_region

  name          = "${var.name}-copies"
  kms_key_arn   = aws_kms_key.copies.arn
  force_destroy = var.vault_force_destroy
}

resource "aws_backup_vault_lock_configuration" "copies" {
  region = var.copy_region

  backup_vault_name   = aws_backup_vault.copies.name
  min_retention_days  = var.lock.min_days
  max_retention_days  = var.lock.max_days
  changeable_for_days = var.lock.changeable_for_days
}
