# Application Auto Scaling knows no Kinesis streams, so a stream scales by its mode: on demand it doubles what it takes within
# minutes, and there is nothing of ours that could fail to scale it. Shards that are fixed are for a small, steady profile.
resource "aws_kinesis_stream" "this" {
  for_each = var.streams

  name             = "${var.name}-${each.key}"
  shard_count      = var.stream_capacity.mode == "PROVISIONED" ? var.stream_capacity.shards : null
  retention_period = var.stream_retention_hours
  tags             = local.chaos_tags

  encryption_type = "KMS"
  kms_key_id      = var.kms_key_arns.messages

  # which of the shards is hot or throttled; on demand there is no shard to look at
  shard_level_metrics = var.stream_capacity.mode == "PROVISIONED" ? [
    "IteratorAgeMilliseconds",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
  ] : null

  # a consumer that somebody registered by hand must not stop a destroy
  enforce_consumer_deletion = true

  stream_mode_details {
    stream_mode = var.stream_capacity.mode
  }
}
