output "bucket" {
  description = "The bucket: terraform init -backend-config=bucket=<this>."
  value       = aws_s3_bucket.state.id
}

output "kms_key_arn" {
  description = "The key of the states."
  value       = aws_kms_key.state.arn
}
