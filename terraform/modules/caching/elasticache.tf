resource "aws_elasticache_subnet_group" "this" {
  name        = "${var.name}-elasticache"
  description = "ElastiCache of ${var.name}"
  subnet_ids  = var.database_subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  # a major upgrade needs a group of its own family before the old one can go
  name        = "${var.name}-valkey${split(".", var.elasticache.engine_version)[0]}"
  family      = "valkey${split(".", var.elasticache.engine_version)[0]}"
  description = "ElastiCache of ${var.name}: a full cache forgets what was not asked for, instead of refusing to write"

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Valkey needs no user called default: without one, who brings no name and password is refused.
resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [var.name]

  depends_on = [aws_cloudformation_stack.users]
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Menus of ${var.name}"
  engine               = "valkey"
  engine_version       = var.elasticache.engine_version
  node_type            = var.elasticache.node_type
  port                 = local.port
  tags                 = local.chaos_tags

  num_cache_clusters         = var.elasticache.nodes
  automatic_failover_enabled = true
  multi_az_enabled           = true

  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [var.security_group_ids.elasticache]
  parameter_group_name = aws_elasticache_parameter_group.this.name
  user_group_ids       = [aws_elasticache_user_group.this.user_group_id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arns.data

  snapshot_retention_limit   = var.elasticache.snapshot_days
  snapshot_window            = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  auto_minor_version_upgrade = true

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.elasticache

    content {
      log_type         = log_delivery_configuration.key
      log_format       = "json"
      destination      = log_delivery_configuration.value.name
      destination_type = "cloudwatch-logs"
    }
  }
}

resource "aws_cloudwatch_log_group" "elasticache" {
  for_each = toset(["engine-log", "slow-log"])

  name              = "/aws/elasticache/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arns.logs
}
