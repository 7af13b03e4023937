output "elasticache_replication_group_id" {
  description = "Identifier of the replication group, as experiments and runbooks name it."
  value       = aws_elasticache_replication_group.this.replication_group_id
}

output "elasticache_endpoint" {
  description = "Host name of the primary, whichever node that is."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "elasticache_reader_endpoint" {
  description = "Host name that goes round the replicas."
  value       = aws_elasticache_replication_group.this.reader_endpoint_address
}

output "elasticache_secret_arn" {
  description = "Secret with username and password (letters and digits only); the client's URL is rediss://<username>:<password>@<endpoint>:<port>/0."
  value       = aws_secretsmanager_secret.this["elasticache"].arn
}

output "memorydb_cluster_name" {
  description = "Name of the MemoryDB cluster."
  value       = aws_memorydb_cluster.this.name
}

output "memorydb_endpoint" {
  description = "Host name of the cluster: it leads to any node, also to a replica, which answers a plain client's reads and writes with MOVED. A client of a cluster asks there who is the primary."
  value       = one(aws_memorydb_cluster.this.cluster_endpoint[*].address)
}

output "memorydb_secret_arn" {
  description = "Secret with username and password (letters and digits only); the loyalty service's URL is rediss+cluster://<username>:<password>@<endpoint>:<port>/0."
  value       = aws_secretsmanager_secret.this["memorydb"].arn
}

output "port" {
  description = "Port of both caches."
  value       = local.port
}
