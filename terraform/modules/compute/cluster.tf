data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${var.name}-eks-cluster"
  description        = "The EKS control plane of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_cloudwatch_log_group" "cluster" {
  # EKS writes to this name; made here, so that it has a key, an end and goes with the cluster
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arns.logs
}

resource "aws_eks_cluster" "this" {
  name                          = var.name
  role_arn                      = aws_iam_role.cluster.arn
  version                       = var.cluster.version
  bootstrap_self_managed_addons = false
  deletion_protection           = var.cluster.deletion_guard
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = var.kms_key_arns.state
    }
  }

  upgrade_policy {
    support_type = var.cluster.support
  }

  vpc_config {
    subnet_ids              = var.private_subnet_ids
    security_group_ids      = [var.security_group_ids.control-plane]
    endpoint_private_access = true
    endpoint_public_access  = length(var.cluster.public_cidrs) > 0
    public_access_cidrs     = length(var.cluster.public_cidrs) > 0 ? var.cluster.public_cidrs : null
  }

  zonal_shift_config {
    enabled = true
  }

  depends_on = [
    aws_iam_role_policy_attachment.cluster,
    aws_cloudwatch_log_group.cluster,
  ]
}

resource "aws_eks_access_entry" "this" {
  for_each = var.cluster.authorised_arns

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "admin" {
  for_each = aws_eks_access_entry.this

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  policy_arn    = "arn:${local.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}

locals {
  # what nodes need in order to become ready …
  first_addons = {
    vpc-cni = {
      # the chart's NetworkPolicies; `strict` would also want policies for the add-ons' own pods
      enableNetworkPolicy = "true"
    }
    kube-proxy             = {}
    eks-pod-identity-agent = {}
  }

  # … and what needs nodes
  later_addons = merge(
    {
      coredns = { autoScaling = { enabled = true, minReplicas = 2, maxReplicas = 6 } }
      # the services' autoscalers ask it
      metrics-server = {}
    },
    var.cluster.pod_logs ? { amazon-cloudwatch-observability = {} } : {},
  )
}

resource "aws_eks_addon" "first" {
  for_each = local.first_addons

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = length(each.value) > 0 ? jsonencode(each.value) : null
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "later" {
  for_each = local.later_addons

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  configuration_values        = length(each.value) > 0 ? jsonencode(each.value) : null
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_node_group.this]
}
