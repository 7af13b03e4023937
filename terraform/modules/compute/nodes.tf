data "aws_iam_policy_document" "instance_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  name               = "${var.name}-eks-node"
  description        = "Nodes of ${var.name}: join the cluster, pull images; pods have roles of their own"
  assume_role_policy = data.aws_iam_policy_document.instance_trust.json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(concat(
    [
      "AmazonEKSWorkerNodePolicy",
      "AmazonEKS_CNI_Policy",
      "AmazonEC2ContainerRegistryPullOnly",
      "AmazonSSMManagedInstanceCore",
    ],
    var.cluster.pod_logs ? ["CloudWatchAgentServerPolicy"] : [],
  ))

  role       = aws_iam_role.node.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.key}"
}

resource "aws_launch_template" "node" {
  name_prefix            = "${var.name}-node-"
  description            = "Nodes of ${var.name}"
  update_default_version = true
  # not the group that EKS makes, in which everyone reaches everyone
  vpc_security_group_ids = [var.security_group_ids.nodes]

  # one hop: pods cannot reach the node's own credentials
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.nodes.disk_gib
      delete_on_termination = true
      # with the account's own EBS key: it holds images and logs, and Auto Scaling may use it
      encrypted = true
    }
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.chaos_tags, { Name = "${var.name}-node", "cloudcafe.dev/part-of" = "cloudcafe" })
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_eks_node_group" "this" {
  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "${var.name}-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = var.private_subnet_ids
  ami_type               = "AL2023_x86_64_STANDARD"
  capacity_type          = var.nodes.capacity_type
  instance_types         = var.nodes.instance_types
  tags                   = local.chaos_tags

  scaling_config {
    min_size     = var.nodes.min
    desired_size = var.nodes.min
    max_size     = var.nodes.max
  }

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  update_config {
    max_unavailable_percentage = 33
  }

  node_repair_config {
    enabled = true
  }

  depends_on = [
    aws_iam_role_policy_attachment.node,
    aws_eks_addon.first,
  ]

  lifecycle {
    create_before_destroy = true
    # the Cluster Autoscaler's from then on (dev/deploy_cluster.py), which EKS tags the group for
    ignore_changes = [scaling_config[0].desired_size]
  }
}
