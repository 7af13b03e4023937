output "cluster_name" {
  description = "The EKS cluster."
  value       = aws_eks_cluster.this.name
}

output "cluster_arn" {
  description = "The EKS cluster's ARN."
  value       = aws_eks_cluster.this.arn
}

output "cluster_endpoint" {
  description = "The Kubernetes API server."
  value       = aws_eks_cluster.this.endpoint
}

output "cluster_security_group_id" {
  description = "The group that EKS itself made: control plane and nodes."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "node_group_name" {
  description = "The managed node group."
  value       = aws_eks_node_group.this.node_group_name
}

output "node_role_arn" {
  description = "The nodes' role."
  value       = aws_iam_role.node.arn
}

output "registry" {
  description = "What the chart puts before every image's name."
  value       = split("/", values(aws_ecr_repository.this)[0].repository_url)[0]
}

output "repository_urls" {
  description = "Where each image is pushed to."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "ecs_cluster_name" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "analytics_service_name" {
  description = "The Fargate service; null while its image is not there."
  value       = one([for service in aws_ecs_service.analytics : service.name])
}

output "analytics_task_definition" {
  description = "The task definition that runs the migrations too; null while the image is not there."
  value       = one([for task in aws_ecs_task_definition.analytics : task.arn])
}

output "analytics_host" {
  description = "The analytics worker's name inside the VPC."
  value       = "${aws_service_discovery_service.analytics.name}.${aws_service_discovery_private_dns_namespace.this.name}"
}

output "analytics_log_group" {
  description = "The analytics worker's log group."
  value       = aws_cloudwatch_log_group.analytics.name
}

output "spare_group_name" {
  description = "The Auto Scaling group of the loyalty service's spares; null while its image is not there."
  value       = one([for group in aws_autoscaling_group.spare : group.name])
}
