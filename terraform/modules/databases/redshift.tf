# Provisioned, not serverless: the worker loads a few rows every half second around the clock, so a serverless workgroup would never
# pause and its least size costs about three times a ra3.large; and a cluster can be paused, rebooted and moved to another Availability
# Zone, which are what an experiment does to it. dc2 would be cheaper still, but is no longer sold.
resource "aws_redshift_cluster" "this" {
  #checkov:skip=CKV_AWS_71:Logging is a resource of its own below; the block that is looked for is deprecated
  cluster_identifier = var.name
  database_name      = "analytics"
  node_type          = var.redshift.node_type
  cluster_type       = var.redshift.nodes == 1 ? "single-node" : "multi-node"
  number_of_nodes    = var.redshift.nodes
  port               = local.ports.redshift
  tags               = merge(local.chaos_tags, local.backup_local)

  master_username                   = "cafe"
  manage_master_password            = true
  master_password_secret_kms_key_id = var.kms_key_arns.data

  cluster_subnet_group_name            = aws_redshift_subnet_group.this.name
  vpc_security_group_ids               = [var.security_group_ids.redshift]
  cluster_parameter_group_name         = aws_redshift_parameter_group.this.name
  publicly_accessible                  = false
  enhanced_vpc_routing                 = true
  availability_zone_relocation_enabled = true

  encrypted  = true
  kms_key_id = var.kms_key_arns.data

  automated_snapshot_retention_period = var.redshift.backup_days
  preferred_maintenance_window        = "sun:03:30-sun:04:30"
  allow_version_upgrade               = true

  skip_final_snapshot       = !var.redshift.deletion_protection
  final_snapshot_identifier = var.redshift.deletion_protection ? "${var.name}-final" : null
  apply_immediately         = !var.redshift.deletion_protection

  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_redshift_subnet_group" "this" {
  name        = "${var.name}-redshift"
  description = "Redshift of ${var.name}"
  subnet_ids  = var.database_subnet_ids
}

resource "aws_redshift_parameter_group" "this" {
  name        = "${var.name}-redshift"
  family      = "redshift-1.0"
  description = "Redshift of ${var.name}: TLS only, and a record of what was asked"

  parameter {
    name  = "require_ssl"
    value = "true"
  }

  parameter {
    name  = "enable_user_activity_logging"
    value = "true"
  }
}

resource "aws_redshift_logging" "this" {
  cluster_identifier   = aws_redshift_cluster.this.id
  log_destination_type = "cloudwatch"
  log_exports          = ["connectionlog", "useractivitylog", "userlog"]
}

# a snapshot under a key of ours needs leave to use a key over there
resource "aws_redshift_snapshot_copy_grant" "this" {
  count = var.redshift.snapshot_copy == null ? 0 : 1

  region                   = var.redshift.snapshot_copy.region
  snapshot_copy_grant_name = "${var.name}-redshift"
  kms_key_id               = var.redshift.snapshot_copy.kms_key_arn
}

resource "aws_redshift_snapshot_copy" "this" {
  count = var.redshift.snapshot_copy == null ? 0 : 1

  cluster_identifier       = aws_redshift_cluster.this.id
  destination_region       = var.redshift.snapshot_copy.region
  retention_period         = var.redshift.snapshot_copy.retention_days
  snapshot_copy_grant_name = aws_redshift_snapshot_copy_grant.this[0].snapshot_copy_grant_name
}
