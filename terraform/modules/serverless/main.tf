# The payment processor without a server: a function that takes commands from the FIFO queue
# (function.tf), and the address at which the card provider calls back (api.tf).

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  function_name = "${var.name}-payment-processor"
  chaos_tags    = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}
  account_arn   = "${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
  ec2           = "arn:${data.aws_partition.current.partition}:ec2:${local.account_arn}"
}
