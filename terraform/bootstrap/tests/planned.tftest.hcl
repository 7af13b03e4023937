run "names_the_bucket_after_the_account" {
  command = plan

  assert {
    condition     = can(regex("^cloudcafe-state-[0-9]{12}-eu-west-1$", aws_s3_bucket.state.bucket))
    error_message = "Two accounts would want the same bucket."
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "States have versions and are nobody else's."
  }
}

run "refuses_bad_names_and_short_memories" {
  command = plan

  variables {
    region    = "Ireland"
    bucket    = "Cafe_State"
    keep_days = 1
  }

  expect_failures = [var.region, var.bucket, var.keep_days]
}
