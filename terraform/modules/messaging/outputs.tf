output "queue_urls" {
  description = "URLs of all queues by name, dead letters included."
  value       = { for name, queue in local.queues : name => queue.url }
}

output "queue_arns" {
  description = "ARNs of all queues by name, dead letters included."
  value       = { for name, queue in local.queues : name => queue.arn }
}

output "dead_letter_queue_names" {
  description = "Names of the queues in which a message means that somebody must look: alarms watch them."
  value       = sort([for name in keys(local.queues) : name if can(regex("-dlq(\\.fifo)?$", name))])
}

output "stream_names" {
  description = "Names of the streams, by name."
  value       = { for stream in aws_kinesis_stream.this : stream.name => stream.name }
}

output "stream_arns" {
  description = "ARNs of the streams by name."
  value       = { for stream in aws_kinesis_stream.this : stream.name => stream.arn }
}
