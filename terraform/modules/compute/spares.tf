# Points must be shown even while Kubernetes is away: a few instances that run the loyalty service
# from the same image, of which most are stopped (a warm pool) and cost only their disk.

locals {
  spare_group = "${var.name}-loyalty-spare"
  # spare.sh.tftpl completes it
  spare_hook = "serves"
}

resource "aws_iam_role" "spare" {
  name               = "${var.name}-loyalty-spare"
  description        = "The loyalty service on an instance"
  assume_role_policy = data.aws_iam_policy_document.instance_trust.json
}

resource "aws_iam_role_policy_attachment" "spare" {
  for_each = {
    service  = var.spares.policy_arn
    sessions = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
  }

  role       = aws_iam_role.spare.name
  policy_arn = each.value
}

data "aws_iam_policy_document" "spare" {
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid       = "Pull"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this["loyalty"].arn]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.spares.memorydb_secret, var.service_token_secret_arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.data]
  }

  statement {
    sid       = "Launched"
    actions   = ["autoscaling:CompleteLifecycleAction"]
    resources = ["arn:${local.partition}:autoscaling:${local.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${local.spare_group}"]
  }

  # the target group holds addresses, pods' too, and an Auto Scaling group can join those of instances only
  dynamic "statement" {
    for_each = var.spares.target_group_arn == null ? [] : [var.spares.target_group_arn]

    content {
      sid       = "Join"
      actions   = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "spare" {
  name   = "start"
  role   = aws_iam_role.spare.id
  policy = data.aws_iam_policy_document.spare.json
}

resource "aws_iam_instance_profile" "spare" {
  name = "${var.name}-loyalty-spare"
  role = aws_iam_role.spare.name
}

resource "aws_launch_template" "spare" {
  for_each = { for name, image in local.image : name => image if name == "loyalty" }

  name_prefix            = "${var.name}-loyalty-spare-"
  description            = "The loyalty service on an instance"
  update_default_version = true
  image_id               = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
  instance_type          = var.spares.instance_type
  vpc_security_group_ids = [var.security_group_ids.loyalty]

  iam_instance_profile {
    arn = aws_iam_instance_profile.spare.arn
  }

  # the container shares the host's network, so one hop is enough
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 12
      delete_on_termination = true
      encrypted             = true
    }
  }

  monitoring {
    enabled = true
  }

  user_data = base64encode(templatefile("${path.module}/spare.sh.tftpl", {
    registry          = split("/", each.value)[0]
    image             = each.value
    region            = local.region
    group             = local.spare_group
    hook              = local.spare_hook
    memorydb_endpoint = var.spares.memorydb_endpoint
    memorydb_secret   = var.spares.memorydb_secret
    token_secret      = var.service_token_secret_arn
    target_group_arn  = coalesce(var.spares.target_group_arn, "none")
  }))

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.chaos_tags, { Name = "${var.name}-loyalty-spare", "cloudcafe.dev/part-of" = "cloudcafe" })
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "spare" {
  for_each = aws_launch_template.spare

  name                      = local.spare_group
  min_size                  = var.spares.min
  max_size                  = var.spares.max
  vpc_zone_identifier       = var.private_subnet_ids
  health_check_type         = "EC2"
  health_check_grace_period = 120
  enabled_metrics           = ["GroupInServiceInstances", "GroupDesiredCapacity", "WarmPoolTotalCapacity"]

  launch_template {
    id      = each.value.id
    version = each.value.latest_version
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 200
    }
  }

  # Auto Scaling stops an instance for the pool as soon as it runs, and counts one in as soon as it is started: it is held
  # both times until the service answers, and replaced where it never does
  initial_lifecycle_hook {
    name                 = local.spare_hook
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = 600
    default_result       = "ABANDON"
  }

  warm_pool {
    pool_state                  = "Stopped"
    min_size                    = var.spares.warm
    max_group_prepared_capacity = max(var.spares.max, var.spares.warm)
  }

  dynamic "tag" {
    for_each = merge(local.chaos_tags, local.serves[each.key], { Name = "${var.name}-loyalty-spare", "cloudcafe.dev/part-of" = "cloudcafe" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false # the launch template does, for volumes too
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

resource "aws_autoscaling_policy" "spare" {
  for_each = aws_autoscaling_group.spare

  name                   = "cpu"
  autoscaling_group_name = each.value.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = 60

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}
