# What guards the cafe: keys by class of data (kms.tf), certificates, the web application firewall, GuardDuty and CloudTrail.
# CloudFront takes certificates, firewalls and logs of us-east-1 only: those resources name that Region themselves, so that
# callers need no second provider.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account      = data.aws_caller_identity.current.account_id
  partition    = data.aws_partition.current.partition
  region       = data.aws_region.current.region
  global       = "us-east-1"
  outside_home = local.region != local.global
}
