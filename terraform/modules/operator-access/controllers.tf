# The three controllers that `make deploy` installs beside the chart, each as narrow as its use here.

# It puts pods' addresses into target groups that Terraform made (TargetGroupBinding), and makes nothing.
data "aws_iam_policy_document" "load_balancers" {
  statement {
    sid = "Look"
    actions = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeInstances",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "elasticloadbalancing:DescribeTargetGroupAttributes",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"] # none of these knows a resource
  }

  dynamic "statement" {
    for_each = length(var.target_group_arns) > 0 ? [var.target_group_arns] : []

    content {
      sid       = "Register"
      actions   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
      resources = statement.value
    }
  }
}

resource "aws_iam_policy" "load_balancers" {
  name        = "${var.name}-load-balancers"
  description = "AWS Load Balancer Controller, for TargetGroupBindings only"
  policy      = data.aws_iam_policy_document.load_balancers.json
}

# It copies secrets into the cluster, and again when AWS has rotated them.
data "aws_iam_policy_document" "external_secrets" {
  statement {
    sid       = "Read"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = concat([aws_secretsmanager_secret.token.arn], var.secret_arns)
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.data]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${data.aws_region.current.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "external_secrets" {
  name        = "${var.name}-external-secrets"
  description = "External Secrets, for the chart's Secrets"
  policy      = data.aws_iam_policy_document.external_secrets.json
}

# It adds nodes for pods that find no room, and takes away what stays empty: EKS tags the group of its node group for it.
data "aws_iam_policy_document" "nodes" {
  statement {
    sid = "Look"
    actions = [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeScalingActivities",
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeLaunchTemplateVersions",
    ]
    resources = ["*"] # none of these knows a resource
  }

  statement {
    sid       = "NodeGroup"
    actions   = ["eks:DescribeNodegroup"]
    resources = ["arn:${data.aws_partition.current.partition}:eks${local.here}nodegroup/${var.cluster_name}/*/*"]
  }

  statement {
    sid       = "Size"
    actions   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    resources = ["arn:${data.aws_partition.current.partition}:autoscaling${local.here}autoScalingGroup:*:autoScalingGroupName/eks-*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.cluster_name}"
      values   = ["owned"]
    }
  }
}

resource "aws_iam_policy" "nodes" {
  name        = "${var.name}-cluster-autoscaler"
  description = "Cluster Autoscaler, for this cluster's node group"
  policy      = data.aws_iam_policy_document.nodes.json
}
