output "role_arns" {
  description = "Roles of the pods: each service, operator, load-balancers, external-secrets."
  value       = { for name, role in aws_iam_role.pod : name => role.arn }
}

output "service_policy_arns" {
  description = "Policies of the services by name, for those that run outside of Kubernetes too."
  value       = { for name, policy in aws_iam_policy.service : name => policy.arn }
}

output "service_token_secret_arn" {
  description = "The secret with the service token."
  value       = aws_secretsmanager_secret_version.token.arn
}

output "fis_role_arn" {
  description = "The role of the Fault Injection Service; null where no experiments are allowed."
  value       = one(aws_iam_role.fis[*].arn)
}
