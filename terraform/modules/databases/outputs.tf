output "aurora_cluster_id" {
  description = "Identifier of the Aurora cluster, as experiments and runbooks name it."
  value       = aws_rds_cluster.aurora.cluster_identifier
}

output "aurora_cluster_arn" {
  description = "ARN of the Aurora cluster."
  value       = aws_rds_cluster.aurora.arn
}

output "aurora_resource_id" {
  description = "What an IAM policy names to let somebody connect: arn:…:dbuser:<this>/<user>."
  value       = aws_rds_cluster.aurora.cluster_resource_id
}

output "aurora_endpoint" {
  description = "Host name of the writer, whichever instance that is."
  value       = aws_rds_cluster.aurora.endpoint
}

output "aurora_reader_endpoint" {
  description = "Host name that goes round the readers."
  value       = aws_rds_cluster.aurora.reader_endpoint
}

output "aurora_port" {
  description = "Port of Aurora."
  value       = local.ports.aurora
}

output "aurora_database" {
  description = "Name of the orders' database."
  value       = aws_rds_cluster.aurora.database_name
}

output "aurora_secret_arn" {
  description = "Secret with username and password, made and rotated by RDS."
  value       = one(aws_rds_cluster.aurora.master_user_secret[*].secret_arn)
}

output "dynamodb_table_names" {
  description = "Names of the tables by what they hold."
  value       = { for key, table in aws_dynamodb_table.this : key => table.name }
}

output "dynamodb_table_arns" {
  description = "ARNs of the tables by what they hold; an index is <arn>/index/ledger."
  value       = { for key, table in aws_dynamodb_table.this : key => table.arn }
}

output "documentdb_cluster_id" {
  description = "Identifier of the DocumentDB cluster."
  value       = aws_docdb_cluster.this.cluster_identifier
}

output "documentdb_endpoint" {
  description = "Host name of the primary."
  value       = aws_docdb_cluster.this.endpoint
}

output "documentdb_port" {
  description = "Port of DocumentDB."
  value       = local.ports.documentdb
}

output "documentdb_secret_arn" {
  description = "Secret with username and password, made and rotated by DocumentDB."
  value       = one(aws_docdb_cluster.this.master_user_secret[*].secret_arn)
}

output "redshift_cluster_id" {
  description = "Identifier of the Redshift cluster."
  value       = aws_redshift_cluster.this.cluster_identifier
}

output "redshift_endpoint" {
  description = "Host name of the warehouse, without port."
  value       = aws_redshift_cluster.this.dns_name
}

output "redshift_port" {
  description = "Port of the warehouse."
  value       = local.ports.redshift
}

output "redshift_database" {
  description = "Name of the analytics' database."
  value       = aws_redshift_cluster.this.database_name
}

output "redshift_secret_arn" {
  description = "Secret with username and password, made and rotated by Redshift."
  value       = aws_redshift_cluster.this.master_password_secret_arn
}
