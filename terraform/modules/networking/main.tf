# The cafe's network: three zones, each with a public subnet (load balancers of tills, NAT), a private one (all compute)
# and a database one, from which nothing leaves. Who may talk to whom is in security_groups.tf.

data "aws_region" "current" {}

locals {
  # each kind begins at its own number, so that a zone more needs no renumbering
  zones = { for index, az in var.azs : az => {
    public   = cidrsubnet(var.cidr, 8, 1 + index)
    database = cidrsubnet(var.cidr, 8, 21 + index)
    private  = cidrsubnet(local.private_range, 2, index)
  } }
  private_range = cidrsubnet(var.cidr, 2, 1)

  # the zones that have a way out of their own
  nat_zones = var.nat_per_az ? var.azs : [var.azs[0]]

  # the operator breaks nothing that does not carry this tag
  breakable = var.chaos_allowed ? { "cloudcafe.dev/chaos" = "allowed" } : {}
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = alltrue([for az in var.azs : startswith(az, data.aws_region.current.region)])
      error_message = "azs: ${join(", ", var.azs)} are not all in ${data.aws_region.current.region}, the provider's Region."
    }
  }
}

# what has no group of its own gets this one: it lets nothing through
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-default-closed" }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value.public
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value.private

  tags = merge(local.breakable, { Name = "${var.name}-private-${each.key}", "kubernetes.io/role/internal-elb" = "1" })
}

resource "aws_subnet" "database" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value.database

  tags = merge(local.breakable, { Name = "${var.name}-database-${each.key}" })
}
