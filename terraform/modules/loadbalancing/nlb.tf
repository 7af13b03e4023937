# Tills. TLS ends here; what is inside goes to the order service as it is, so that a till may keep its connection for hours.
# On a port of their own, by the same networks and the same keys: the boards of the stores' staff, which the storefront serves.

locals {
  counters = {
    order-tills       = { port = 443 }
    storefront-boards = { port = 8443 }
  }
}

resource "aws_lb" "tills" {
  #checkov:skip=CKV_AWS_150:By variable: prod is protected, dev is destroyed every day
  name               = "${var.name}-tills"
  load_balancer_type = "network"
  internal           = false
  subnets            = var.public_subnet_ids
  security_groups    = [var.security_group_ids.nlb]

  # a zone without a healthy target still answers
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection

  access_logs {
    enabled = true
    bucket  = module.access_logs.bucket
    prefix  = "nlb"
  }

  tags = local.breakable
}

resource "aws_lb_target_group" "tills" {
  for_each = local.counters

  name        = "${var.name}-${each.key}"
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "TCP"
  port        = 8080

  # a pod knows the load balancer's group; of the stores' addresses its own group knows nothing
  preserve_client_ip     = false
  deregistration_delay   = var.deregistration_seconds
  connection_termination = true

  health_check {
    protocol            = "HTTP"
    path                = "/livez"
    port                = "traffic-port"
    matcher             = "200"
    interval            = var.health_check.interval
    timeout             = var.health_check.timeout
    healthy_threshold   = var.health_check.healthy
    unhealthy_threshold = var.health_check.unhealthy
  }

  tags = local.breakable
}

resource "aws_lb_listener" "tills" {
  for_each = local.counters

  load_balancer_arn = aws_lb.tills.arn
  port              = each.value.port
  protocol          = "TLS"
  ssl_policy        = local.tls_policy
  certificate_arn   = var.certificate_arn
  alpn_policy       = "HTTP1Only"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.tills[each.key].arn
  }
}

resource "aws_route53_record" "tills" {
  zone_id = var.hosted_zone_id
  name    = "tills.${var.domain}"
  type    = "A"

  alias {
    name                   = aws_lb.tills.dns_name
    zone_id                = aws_lb.tills.zone_id
    evaluate_target_health = true
  }
}
