output "vault_name" {
  description = "Name of the vault beside the stores."
  value       = aws_backup_vault.this.name
}

output "vault_arn" {
  description = "ARN of the vault beside the stores."
  value       = aws_backup_vault.this.arn
}

output "copy_vault_arn" {
  description = "ARN of the vault in the second Region."
  value       = aws_backup_vault.copies.arn
}

output "copy_region" {
  description = "The second Region."
  value       = var.copy_region
}

output "copy_kms_key_arn" {
  description = "Key of the second Region, also for what copies itself there (redshift.snapshot_copy of the databases module)."
  value       = aws_kms_key.copies.arn
}

output "plan_ids" {
  description = "Plans by the value of the tag cloudcafe.dev/backup that leads to them."
  value       = { for key, plan in aws_backup_plan.this : key => plan.id }
}

output "restore_testing_plan_name" {
  description = "Plan by which recovery points are restored for trial."
  value       = aws_backup_restore_testing_plan.this.name
}

output "role_arn" {
  description = "What AWS Backup is when it restores: runbooks name it."
  value       = aws_iam_role.backup.arn
}
