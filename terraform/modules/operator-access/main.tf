# Who may call what of AWS. The actions are not written here: `make generate` collects them from the
# code, the operator's into policy.json, the services' into services.json, and tests fail when code
# calls what these lack. Here they get roles, pods, and ARNs of this account.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "pod_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-name"
      values   = [var.cluster_name]
    }
  }
}

locals {
  # a pod's service account by the name of its role
  accounts = merge(
    { for name in keys(local.services) : name => { namespace = var.namespace, account = name } },
    {
      operator           = { namespace = var.namespace, account = "cloudcafe-operator" }
      load-balancers     = { namespace = "kube-system", account = "aws-load-balancer-controller" }
      cluster-autoscaler = { namespace = "kube-system", account = "cluster-autoscaler" }
      external-secrets   = { namespace = "external-secrets", account = "external-secrets" }
    },
  )

  policies = merge(
    { for name, policy in aws_iam_policy.service : name => policy.arn },
    {
      operator           = aws_iam_policy.operator.arn
      load-balancers     = aws_iam_policy.load_balancers.arn
      cluster-autoscaler = aws_iam_policy.nodes.arn
      external-secrets   = aws_iam_policy.external_secrets.arn
    },
  )
}

resource "aws_iam_role" "pod" {
  for_each = local.accounts

  name                 = "${var.name}-${each.key}"
  description          = "Pods of ${each.value.namespace}/${each.value.account}"
  assume_role_policy   = data.aws_iam_policy_document.pod_trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each = local.accounts

  role       = aws_iam_role.pod[each.key].name
  policy_arn = local.policies[each.key]
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = local.accounts

  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.account
  role_arn        = aws_iam_role.pod[each.key].arn

  depends_on = [aws_iam_role_policy_attachment.pod, aws_iam_role_policy_attachment.faults]
}
