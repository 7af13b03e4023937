# What AWS's Fault Injection Service is while it makes a stream refuse (kinesisThrottle): there is such a
# role only where experiments are allowed.

data "aws_iam_policy_document" "fis_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["fis.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "fis" {
  statement {
    sid       = "StreamsRefuse"
    actions   = ["kinesis:InjectApiError"]
    resources = [for arn in values(var.resource_arns) : arn if strcontains(arn, ":kinesis:")]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/cloudcafe.dev/chaos"
      values   = ["allowed"]
    }
  }
}

resource "aws_iam_role" "fis" {
  count = var.chaos_allowed ? 1 : 0

  name               = "${var.name}-fis"
  description        = "Fault Injection Service, on the streams of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.fis_trust.json
  tags               = { "cloudcafe.dev/chaos" = "allowed" }
}

resource "aws_iam_role_policy" "fis" {
  count = var.chaos_allowed ? 1 : 0

  name   = "inject"
  role   = aws_iam_role.fis[0].id
  policy = data.aws_iam_policy_document.fis.json
}

# A new account has none, and the first experiment fails without; an account has one and no more.
resource "aws_iam_service_linked_role" "fis" {
  count = var.chaos_allowed && var.fis_service_linked_role ? 1 : 0

  aws_service_name = "fis.amazonaws.com"
}
