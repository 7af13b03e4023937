# Where the cafe's programs run: EKS for the services and the operator (cluster.tf, nodes.tf),
# Fargate for the analytics worker (analytics.tf), EC2 for the loyalty service's spares (spares.tf);
# all of them take their images from the repositories here (images.tf).

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  region    = data.aws_region.current.region
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # with whom they serve, so that an experiment's limits count them together
  serves     = { for name in ["analytics-worker", "loyalty"] : name => { "cloudcafe.dev/service" = "${var.namespace}/${name}" } }
  chaos_tags = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}
}
