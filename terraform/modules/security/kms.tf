# A key per class of data: whoever may read messages may not read backups, and a class can be cut off by disabling one key.
# Key policies name no role. Whoever IAM lets use a table, a queue or a bucket may use its key through that service, in this
# account; the key by itself is the administrators'.

locals {
  keys = {
    data = {
      holds = "databases, tables, caches, volumes, secrets and backups"
      via   = ["backup", "dynamodb", "ec2", "elasticache", "memorydb", "rds", "redshift", "s3", "secretsmanager"]
      by    = []
    }
    messages = {
      holds = "queues, streams and topics"
      via   = ["kinesis", "sns", "sqs"]
      # alarms, events, budgets and backups publish to topics themselves
      by = ["backup", "budgets", "cloudwatch", "events"]
    }
    logs = {
      holds = "log groups, the trail and access logs"
      via   = ["s3"]
      by    = ["delivery.logs"]
    }
    state = {
      holds = "what the platform keeps of itself: Kubernetes secrets, images, Terraform's state"
      via   = ["ecr", "eks", "s3"]
      by    = []
    }
  }

  key_use = [
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom", "kms:ReEncryptTo",
  ]
  key_administration = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:DisableKey", "kms:DisableKeyRotation",
    "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies",
    "kms:ListKeyRotations", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RetireGrant", "kms:RevokeGrant",
    "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:SynchronizeMultiRegionKey", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription", "kms:UpdatePrimaryRegion",
  ]
}

# in a key's policy the resource "*" is the key itself
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:The resource "*" of a key policy is this key alone
  #checkov:skip=CKV_AWS_111:The resource "*" of a key policy is this key alone
  #checkov:skip=CKV_AWS_356:The resource "*" of a key policy is this key alone
  for_each = local.keys

  # without it a key can become one that nobody administers
  statement {
    sid       = "IamDecidesInThisAccount"
    actions   = concat(local.key_use, local.key_administration)
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "ThroughTheServicesThatHoldTheData"
    actions   = concat(local.key_use, ["kms:CreateGrant"])
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in each.value.via : "${service}.${local.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.by) > 0 ? [each.value.by] : []

    content {
      sid       = "ServicesThatWriteThemselves"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = [for service in statement.value : "${service}.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? distinct([local.region, local.global]) : []

    content {
      sid       = "LogGroupsIn${replace(title(replace(statement.value, "-", " ")), " ", "")}"
      actions   = local.key_use
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["logs.${statement.value}.amazonaws.com"]
      }

      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = ["arn:${local.partition}:logs:${statement.value}:${local.account}:log-group:*"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? ["trail"] : []

    content {
      sid       = "Trail"
      actions   = ["kms:DescribeKey", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceArn"
        values   = [local.trail_arn]
      }
    }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "CloudCafe: ${each.value.holds}"
  policy                  = data.aws_iam_policy_document.key[each.key].json
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_days
  # CloudFront's firewall logs in us-east-1
  multi_region = each.key == "logs"

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

resource "aws_kms_replica_key" "logs" {
  count  = local.outside_home ? 1 : 0
  region = local.global

  description             = "CloudCafe: logs that CloudFront makes"
  primary_key_arn         = aws_kms_key.this["logs"].arn
  policy                  = data.aws_iam_policy_document.key["logs"].json
  deletion_window_in_days = var.key_deletion_days

  tags = { Name = "${var.name}-logs" }
}
