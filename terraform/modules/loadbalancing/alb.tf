# Customers. What is not in `routes` is no customer's business (ledgers, the outbox, stores) and is answered 404 here.

locals {
  routes = {
    order   = { priority = 10, methods = ["GET", "POST"], paths = ["/orders", "/orders/*"] }
    menu    = { priority = 20, methods = ["GET"], paths = ["/stores/*/menu"] }
    loyalty = { priority = 30, methods = ["GET", "POST"], paths = ["/customers/*", "/promotions", "/promotions/*"] }
    # of the storefront only what is for guests: the staff's boards come in by the tills' door
    storefront = { priority = 40, methods = ["GET", "POST"], paths = ["/shop/*"] }
  }

  targets = toset(concat(keys(local.routes), ["inventory"]))
}

resource "aws_lb" "alb" {
  #checkov:skip=CKV_AWS_150:By variable: prod is protected, dev is destroyed every day
  name               = "${var.name}-alb"
  load_balancer_type = "application"
  internal           = true
  subnets            = var.private_subnet_ids
  security_groups    = [var.security_group_ids.alb, var.security_group_ids.alb-lattice]

  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection

  access_logs {
    enabled = true
    bucket  = module.access_logs.bucket
    prefix  = "alb"
  }

  tags = local.breakable
}

resource "aws_wafv2_web_acl_association" "alb" {
  resource_arn = aws_lb.alb.arn
  web_acl_arn  = var.web_acl_arn
}

resource "aws_lb_target_group" "http" {
  #checkov:skip=CKV_AWS_378:Pods speak HTTP; between load balancer and pod lie only this VPC's security groups
  for_each = local.targets

  name        = "${var.name}-${each.key}"
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = 8080

  # orders take longer than menus: to the one that has the fewest
  load_balancing_algorithm_type = "least_outstanding_requests"
  deregistration_delay          = var.deregistration_seconds

  # Whether a pod is ready, the kubelet asks on the admin port, which stays inside; its address leaves this group then.
  # Here is asked only whether it answers where customers ask.
  health_check {
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

resource "aws_lb_listener" "customers" {
  load_balancer_arn = aws_lb.alb.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = local.tls_policy
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      status_code  = "404"
      content_type = "application/json"
      message_body = jsonencode({ status = 404, title = "Not Found" })
    }
  }

  lifecycle {
    precondition {
      condition     = split(":", var.certificate_arn)[3] == local.region
      error_message = "certificate_arn: a load balancer takes certificates of its own Region, ${local.region}; CloudFront's is in us-east-1."
    }
  }
}

resource "aws_lb_listener_rule" "customers" {
  for_each = local.routes

  listener_arn = aws_lb_listener.customers.arn
  priority     = each.value.priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http[each.key].arn
  }

  condition {
    path_pattern {
      values = each.value.paths
    }
  }

  condition {
    http_request_method {
      values = each.value.methods
    }
  }

  tags = merge(local.breakable, { Name = "${var.name}-${each.key}" })
}
