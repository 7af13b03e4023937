mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/mock/1" }
  }
  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/mock/1/1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/mock/1" }
  }
  mock_resource "aws_vpclattice_service" {
    defaults = { dns_entry = [{ domain_name = "inventory.vpc-lattice-svcs.eu-west-1.on.aws", hosted_zone_id = "Z1" }] }
  }
}

variables {
  vpc_id             = "vpc-0123456789abcdef0"
  private_subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  public_subnet_ids  = ["subnet-d", "subnet-e", "subnet-f"]
  security_group_ids = { alb = "sg-alb", alb-lattice = "sg-lattice", nlb = "sg-nlb" }
  domain             = "cafe.example.com"
  hosted_zone_id     = "Z0123456789ABCDEFGHIJ"
  certificate_arn    = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  web_acl_arn        = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/cloudcafe-regional/12345678"
  order_role_arns    = ["arn:aws:iam::111122223333:role/cloudcafe-order"]
  kms_key_arns       = { logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "outputs_name_each_target_group" {
  command = apply

  assert {
    condition     = toset(keys(output.target_group_arns)) == toset(["order", "menu", "loyalty", "inventory", "storefront", "order-tills", "storefront-boards"])
    error_message = "the cluster binds pods to five target groups"
  }
  assert {
    condition     = module.access_logs.bucket != "" && output.lattice_inventory_url == "https://inventory.vpc-lattice-svcs.eu-west-1.on.aws"
    error_message = "names"
  }
}
