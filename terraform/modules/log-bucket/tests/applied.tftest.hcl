provider "aws" {
  region = "eu-west-1"
}

variables {
  name         = "cloudcafe-logs"
  days         = 400
  archive_days = 90
  kms_key_arn  = "arn:aws:kms:eu-west-1:111122223333:key/logs"
  writers = [
    { sid = "Looks", service = "cloudtrail.amazonaws.com", action = "s3:GetBucketAcl", only = { test = "StringEquals", variable = "aws:SourceArn", value = "arn:trail" } },
    { sid = "Writes", service = "cloudtrail.amazonaws.com", objects = "AWSLogs/111122223333/*", only = { test = "StringEquals", variable = "aws:SourceArn", value = "arn:trail" } },
  ]
}

run "services_write_and_nobody_reads_in_clear" {
  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Sid => join(" ", sort(flatten([statement.Resource])))
      } == {
      Looks              = output.arn
      Writes             = "${output.arn}/AWSLogs/111122223333/*"
      NothingInClearText = "${output.arn} ${output.arn}/*"
    }
    error_message = "Each service reaches what it was given."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Condition == { StringEquals = { "aws:SourceArn" = "arn:trail" } }
      if statement.Effect == "Allow"
    ])
    error_message = "A service writes for us alone."
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.restrict_public_buckets && !aws_s3_bucket.this.force_destroy
    error_message = "Private, and not gone with a destroy."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    error_message = "Files lie under the key."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].expiration[0].days == 400 && length(aws_s3_bucket_lifecycle_configuration.this.rule[0].transition) == 1
    error_message = "Files move, and end."
  }
}

run "without_a_key_it_is_s3s_own" {
  command = plan

  variables {
    kms_key_arn  = null
    archive_days = null
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256" && length(aws_s3_bucket_lifecycle_configuration.this.rule[0].transition) == 0
    error_message = "An ALB writes with no other."
  }
}

run "refuses_what_s3_would" {
  command = plan

  variables {
    name    = "Cloud_Cafe"
    days    = 0
    writers = [{ sid = "All", service = "cloudtrail.amazonaws.com", action = "s3:*", only = { test = "StringEquals", variable = "aws:SourceArn", value = "arn:trail" } }]
  }

  expect_failures = [var.name, var.days, var.writers]
}

run "refuses_to_archive_what_is_gone" {
  command = plan
  variables { days = 30 }
  expect_failures = [var.archive_days]
}
