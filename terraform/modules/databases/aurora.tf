resource "aws_rds_cluster" "aurora" {
  #checkov:skip=CKV_AWS_139:By variable: prod is protected, dev is destroyed every day
  #checkov:skip=CKV2_AWS_8:The plans of the backup module find the cluster by its tag
  cluster_identifier = var.name
  engine             = "aurora-postgresql"
  engine_mode        = "provisioned" # what Serverless v2 is called
  engine_version     = var.aurora.engine_version
  database_name      = "cafe"
  port               = local.ports.aurora
  # what the operator turns the floor back to after a rush, and never below
  tags = merge(local.chaos_tags, local.backup_copied, { "cloudcafe.dev/rush" = tostring(var.aurora.min_acu) })

  master_username                     = "cafe"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arns.data
  iam_database_authentication_enabled = true

  db_subnet_group_name            = aws_db_subnet_group.this.name
  vpc_security_group_ids          = [var.security_group_ids.aurora]
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.aurora.name

  storage_encrypted = true
  kms_key_id        = var.kms_key_arns.data

  backup_retention_period      = var.aurora.backup_days
  preferred_backup_window      = "02:00-03:00"
  preferred_maintenance_window = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot        = true

  deletion_protection       = var.aurora.deletion_protection
  skip_final_snapshot       = !var.aurora.deletion_protection
  final_snapshot_identifier = var.aurora.deletion_protection ? "${var.name}-final" : null
  delete_automated_backups  = !var.aurora.deletion_protection
  apply_immediately         = !var.aurora.deletion_protection

  enabled_cloudwatch_logs_exports = ["postgresql"]

  serverlessv2_scaling_configuration {
    min_capacity = var.aurora.min_acu
    max_capacity = var.aurora.max_acu
  }

  lifecycle {
    # the operator raises it ahead of rushes; a new floor reaches it by the tag above
    ignore_changes = [serverlessv2_scaling_configuration[0].min_capacity]
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_rds_cluster_parameter_group" "aurora" {
  # a major upgrade needs a group of its own family before the old one can go
  name_prefix = "${var.name}-aurora-"
  family      = "aurora-postgresql${split(".", var.aurora.engine_version)[0]}"
  description = "Aurora of ${var.name}: nobody speaks to it in clear"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "500"
  }

  # who changed the schema; of other statements only the slow ones are told, as they carry customers' data
  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  parameter {
    name  = "log_lock_waits"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_rds_cluster_instance" "aurora" {
  #checkov:skip=CKV_AWS_226:AWS upgrades the minor unless the variable names one
  for_each = { for number in range(1, var.aurora.instances + 1) : tostring(number) => number }

  identifier         = "${var.name}-${each.key}"
  cluster_identifier = aws_rds_cluster.aurora.id
  engine             = aws_rds_cluster.aurora.engine
  instance_class     = "db.serverless"
  availability_zone  = var.aurora.availability_zones == null ? null : element(var.aurora.availability_zones, each.value - 1)
  tags               = local.chaos_tags

  # tiers 0 and 1 grow with the writer, so the one that takes over is as large as the one that fell
  promotion_tier = each.value <= 2 ? each.value - 1 : 2

  publicly_accessible                   = false
  auto_minor_version_upgrade            = !strcontains(var.aurora.engine_version, ".") # a minor that is named is not left
  copy_tags_to_snapshot                 = true
  apply_immediately                     = !var.aurora.deletion_protection
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arns.data
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
}

data "aws_iam_policy_document" "monitoring" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-rds-monitoring"
  description        = "Lets RDS write what the machines under Aurora do."
  assume_role_policy = data.aws_iam_policy_document.monitoring.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# Readers beyond those above come and go with the load. Terraform does not know them: a destroy removes them first
# (delete-db-instance for each member that application-autoscaling- begins), or the cluster stays.
resource "aws_appautoscaling_target" "aurora_readers" {
  service_namespace  = "rds"
  scalable_dimension = "rds:cluster:ReadReplicaCount"
  resource_id        = "cluster:${aws_rds_cluster.aurora.cluster_identifier}"
  min_capacity       = var.aurora.instances - 1
  max_capacity       = var.aurora.max_readers

  depends_on = [aws_rds_cluster_instance.aurora]
}

resource "aws_appautoscaling_policy" "aurora_readers" {
  name               = "${var.name}-aurora-readers"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.aurora_readers.service_namespace
  scalable_dimension = aws_appautoscaling_target.aurora_readers.scalable_dimension
  resource_id        = aws_appautoscaling_target.aurora_readers.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.aurora.reader_cpu_percent
    scale_in_cooldown  = 600
    scale_out_cooldown = 120

    predefined_metric_specification {
      predefined_metric_type = "RDSReaderAverageCPUUtilization"
    }
  }
}
