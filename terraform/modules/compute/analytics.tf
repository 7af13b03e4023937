# The analytics worker reads a stream and has no callers but the books: it needs no cluster.

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }

  configuration {
    execute_command_configuration {
      kms_key_id = var.kms_key_arns.logs
      logging    = "OVERRIDE"

      log_configuration {
        cloud_watch_encryption_enabled = true
        cloud_watch_log_group_name     = aws_cloudwatch_log_group.analytics.name
      }
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE"]
}

resource "aws_cloudwatch_log_group" "analytics" {
  name              = "/${var.name}/analytics-worker"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arns.logs
}

# <service>.<name>.internal inside the VPC: the chart's Service `analytics-worker` is an alias of it
resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.internal"
  description = "What runs outside of Kubernetes"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "analytics" {
  name          = "analytics-worker"
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

data "aws_iam_policy_document" "task_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "analytics" {
  name               = "${var.name}-analytics-worker-task"
  description        = "The analytics worker itself"
  assume_role_policy = data.aws_iam_policy_document.task_trust.json
}

resource "aws_iam_role_policy_attachment" "analytics" {
  role       = aws_iam_role.analytics.name
  policy_arn = var.analytics.policy_arn
}

# AWS rotates the warehouse's password while the worker runs; its variable is what it was when the task started
data "aws_iam_policy_document" "analytics" {
  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.analytics.secret_arns
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.data]
  }
}

resource "aws_iam_role_policy" "analytics" {
  name   = "rotated"
  role   = aws_iam_role.analytics.id
  policy = data.aws_iam_policy_document.analytics.json
}

resource "aws_iam_role" "analytics_start" {
  name               = "${var.name}-analytics-worker-start"
  description        = "Starts the analytics worker: pulls its image, reads its secrets, opens its log"
  assume_role_policy = data.aws_iam_policy_document.task_trust.json
}

data "aws_iam_policy_document" "analytics_start" {
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action knows no resource
  }

  statement {
    sid       = "Pull"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = concat([aws_ecr_repository.this["analytics-worker"].arn], local.guardduty_repositories)
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.analytics.arn}:log-stream:*"]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat(var.analytics.secret_arns, [var.service_token_secret_arn])
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arns.data]
  }
}

resource "aws_iam_role_policy" "analytics_start" {
  name   = "start"
  role   = aws_iam_role.analytics_start.id
  policy = data.aws_iam_policy_document.analytics_start.json
}

resource "aws_ecs_task_definition" "analytics" {
  for_each = { for name, image in local.image : name => image if name == "analytics-worker" }

  family                   = "${var.name}-analytics-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.analytics.cpu
  memory                   = var.analytics.memory
  task_role_arn            = aws_iam_role.analytics.arn
  execution_role_arn       = aws_iam_role.analytics_start.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([
    {
      name                   = "analytics-worker"
      image                  = each.value
      essential              = true
      user                   = "10001:10001"
      readonlyRootFilesystem = true
      stopTimeout            = 40
      portMappings           = [{ containerPort = 8080, protocol = "tcp" }]
      mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
      environment = [
        for name, value in merge({ AWS_REGION = local.region }, var.analytics.environment) :
        { name = name, value = value }
      ]
      secrets = [
        for name, arn in merge({ CAFE_SERVICE_TOKEN = var.service_token_secret_arn }, var.analytics.secrets) :
        { name = name, valueFrom = arn }
      ]
      healthCheck = {
        command     = ["CMD", "python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9090/livez', timeout=3)"]
        interval    = 15
        timeout     = 5
        retries     = 3
        startPeriod = 30
      }
      linuxParameters = { initProcessEnabled = true }
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.analytics.name
          awslogs-region        = local.region
          awslogs-stream-prefix = "task"
          mode                  = "non-blocking"
          max-buffer-size       = "4m"
        }
      }
    }
  ])
}

resource "aws_ecs_service" "analytics" {
  for_each = aws_ecs_task_definition.analytics

  name                               = each.key
  cluster                            = aws_ecs_cluster.this.arn
  task_definition                    = each.value.arn
  desired_count                      = var.analytics.min
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  availability_zone_rebalancing      = "ENABLED"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  tags                               = merge(local.chaos_tags, local.serves[each.key])

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [var.security_group_ids.analytics-worker]
    assign_public_ip = false
  }

  service_registries {
    registry_arn = aws_service_discovery_service.analytics.arn
  }

  lifecycle {
    ignore_changes = [desired_count] # the autoscaler's
  }
}

resource "aws_appautoscaling_target" "analytics" {
  for_each = aws_ecs_service.analytics

  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${each.value.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.analytics.min
  max_capacity       = var.analytics.max
}

resource "aws_appautoscaling_policy" "analytics" {
  for_each = aws_appautoscaling_target.analytics

  name               = "${var.name}-analytics-worker-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = each.value.service_namespace
  resource_id        = each.value.resource_id
  scalable_dimension = each.value.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_in_cooldown  = 300
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
