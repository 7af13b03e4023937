# Order → inventory for callers outside the cluster's own network (another cluster, the warm spare): a service network in
# which nobody calls without a signature, and inventory lets in order's role on the reservations alone.
# Lattice hands over to a listener of the ALB that no customer reaches, so that inventory's pods are entered in one place.

resource "aws_lb_listener" "lattice" {
  load_balancer_arn = aws_lb.alb.arn
  port              = 8443
  protocol          = "HTTPS"
  ssl_policy        = local.tls_policy
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http["inventory"].arn
  }
}

resource "aws_vpclattice_service_network" "this" {
  name      = var.name
  auth_type = "AWS_IAM"
}

resource "aws_vpclattice_service_network_vpc_association" "this" {
  service_network_identifier = aws_vpclattice_service_network.this.id
  vpc_identifier             = var.vpc_id
}

resource "aws_vpclattice_service" "inventory" {
  name      = "${var.name}-inventory"
  auth_type = "AWS_IAM"
}

resource "aws_vpclattice_service_network_service_association" "inventory" {
  service_identifier         = aws_vpclattice_service.inventory.id
  service_network_identifier = aws_vpclattice_service_network.this.id
}

# no health check: for a load balancer as target Lattice has none, the ALB asks the pods
resource "aws_vpclattice_target_group" "inventory" {
  name = "${var.name}-inventory"
  type = "ALB"

  config {
    vpc_identifier   = var.vpc_id
    protocol         = "HTTPS"
    protocol_version = "HTTP1"
    port             = aws_lb_listener.lattice.port
  }
}

resource "aws_vpclattice_target_group_attachment" "inventory" {
  target_group_identifier = aws_vpclattice_target_group.inventory.id

  target {
    id   = aws_lb.alb.arn
    port = aws_lb_listener.lattice.port
  }
}

resource "aws_vpclattice_listener" "inventory" {
  name               = "https"
  service_identifier = aws_vpclattice_service.inventory.id
  protocol           = "HTTPS"
  port               = 443

  default_action {
    forward {
      target_groups {
        target_group_identifier = aws_vpclattice_target_group.inventory.id
        weight                  = 100
      }
    }
  }
}

# both policies must let a call through: the network's keeps strangers out, the service's names who may do what
data "aws_iam_policy_document" "service_network" {
  statement {
    sid       = "ThisAccountsRoles"
    actions   = ["vpc-lattice-svcs:Invoke"]
    resources = ["${aws_vpclattice_service.inventory.arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "inventory" {
  statement {
    sid       = "OrderReserves"
    actions   = ["vpc-lattice-svcs:Invoke"]
    resources = [for path in ["/reservations:batch", "/reservations/*"] : "${aws_vpclattice_service.inventory.arn}${path}"]

    principals {
      type        = "AWS"
      identifiers = var.order_role_arns
    }
  }
}

resource "aws_vpclattice_auth_policy" "this" {
  for_each = {
    network   = { on = aws_vpclattice_service_network.this.arn, policy = data.aws_iam_policy_document.service_network.json }
    inventory = { on = aws_vpclattice_service.inventory.arn, policy = data.aws_iam_policy_document.inventory.json }
  }

  resource_identifier = each.value.on
  policy              = each.value.policy
}

resource "aws_cloudwatch_log_group" "lattice" {
  # Lattice writes to groups of /aws/vendedlogs without a policy per group
  name              = "/aws/vendedlogs/${var.name}/lattice"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arns.logs
}

resource "aws_vpclattice_access_log_subscription" "this" {
  resource_identifier = aws_vpclattice_service_network.this.id
  destination_arn     = "${aws_cloudwatch_log_group.lattice.arn}:*"
}
