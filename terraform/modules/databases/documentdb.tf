resource "aws_docdb_subnet_group" "this" {
  name        = "${var.name}-documentdb"
  description = "DocumentDB of ${var.name}"
  subnet_ids  = var.database_subnet_ids
}

resource "aws_docdb_cluster_parameter_group" "this" {
  name_prefix = "${var.name}-documentdb-"
  family      = "docdb5.0"
  description = "DocumentDB of ${var.name}: TLS, and a record of who changed what"

  parameter {
    name  = "tls"
    value = "enabled"
  }

  parameter {
    name  = "audit_logs"
    value = "enabled"
  }

  parameter {
    name  = "profiler"
    value = "enabled"
  }

  parameter {
    name  = "profiler_threshold_ms"
    value = "100"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_docdb_cluster" "this" {
  #checkov:skip=CKV_AWS_360:By variable: prod keeps five weeks, dev a day
  # RDS and DocumentDB share one space of names, and the plain one is Aurora's
  cluster_identifier = "${var.name}-documentdb"
  engine             = "docdb"
  engine_version     = "5.0.0"
  port               = local.ports.documentdb
  tags               = merge(local.chaos_tags, local.backup_copied)

  master_username             = "cafe"
  manage_master_user_password = true

  db_subnet_group_name            = aws_docdb_subnet_group.this.name
  vpc_security_group_ids          = [var.security_group_ids.documentdb]
  db_cluster_parameter_group_name = aws_docdb_cluster_parameter_group.this.name

  storage_encrypted = true
  kms_key_id        = var.kms_key_arns.data

  backup_retention_period      = var.documentdb.backup_days
  preferred_backup_window      = "02:00-03:00"
  preferred_maintenance_window = "sun:03:30-sun:04:30"

  deletion_protection       = var.documentdb.deletion_protection
  skip_final_snapshot       = !var.documentdb.deletion_protection
  final_snapshot_identifier = var.documentdb.deletion_protection ? "${var.name}-documentdb-final" : null
  apply_immediately         = !var.documentdb.deletion_protection

  enabled_cloudwatch_logs_exports = ["audit", "profiler"]

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_docdb_cluster_instance" "this" {
  for_each = { for number in range(1, var.documentdb.instances + 1) : tostring(number) => number }

  identifier         = "${var.name}-documentdb-${each.key}"
  cluster_identifier = aws_docdb_cluster.this.id
  instance_class     = var.documentdb.instance_class
  tags               = local.chaos_tags

  auto_minor_version_upgrade = true
  copy_tags_to_snapshot      = true
  apply_immediately          = !var.documentdb.deletion_protection
}
