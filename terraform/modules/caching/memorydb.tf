resource "aws_memorydb_subnet_group" "this" {
  name        = "${var.name}-memorydb"
  description = "MemoryDB of ${var.name}"
  subnet_ids  = var.database_subnet_ids
}

resource "aws_memorydb_parameter_group" "this" {
  name        = "${var.name}-memorydb"
  family      = "memorydb_valkey${split(".", var.memorydb.engine_version)[0]}"
  description = "MemoryDB of ${var.name}: points are never forgotten to make room"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

# an ACL without the user called default: who brings no name and password is refused
resource "aws_memorydb_acl" "this" {
  name       = var.name
  user_names = [var.name]

  depends_on = [aws_cloudformation_stack.users]
}

resource "aws_memorydb_cluster" "this" {
  name           = var.name
  description    = "Loyalty points of ${var.name}"
  engine         = "valkey"
  engine_version = var.memorydb.engine_version
  node_type      = var.memorydb.node_type
  port           = local.port
  acl_name       = aws_memorydb_acl.this.name
  tags           = local.chaos_tags

  # the cafés' points fit into one; the client would follow to others, but no test has moved slots under it
  num_shards             = 1
  num_replicas_per_shard = var.memorydb.replicas

  subnet_group_name    = aws_memorydb_subnet_group.this.name
  security_group_ids   = [var.security_group_ids.memorydb]
  parameter_group_name = aws_memorydb_parameter_group.this.name

  tls_enabled = true
  kms_key_arn = var.kms_key_arns.data

  snapshot_retention_limit   = var.memorydb.snapshot_days
  snapshot_window            = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  final_snapshot_name        = var.memorydb.deletion_protection ? "${var.name}-final" : null
  auto_minor_version_upgrade = true
}
