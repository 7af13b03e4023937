# Three doors. Customers: CloudFront → ALB (alb.tf). Tills in the stores: NLB (nlb.tf), which keeps their long connections and
# needs no CloudFront. Order → inventory: VPC Lattice (lattice.tf), where IAM decides who calls.
# Targets are pods' addresses; the load balancer controller in the cluster enters them (TargetGroupBinding), so that every
# load balancer is Terraform's and goes with it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  breakable = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}

  # TLS 1.3 and 1.2 with forward secrecy; tills are as old as their stores
  tls_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
}
