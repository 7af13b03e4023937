provider "aws" {
  region = "eu-west-1"
}

variables {
  vpc_id             = "vpc-0123456789abcdef0"
  private_subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  public_subnet_ids  = ["subnet-d", "subnet-e", "subnet-f"]
  security_group_ids = { alb = "sg-alb", alb-lattice = "sg-lattice", nlb = "sg-nlb", order = "sg-unused" }
  domain             = "cafe.example.com"
  hosted_zone_id     = "Z0123456789ABCDEFGHIJ"
  certificate_arn    = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  web_acl_arn        = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/cloudcafe-regional/12345678"
  order_role_arns    = ["arn:aws:iam::111122223333:role/cloudcafe-order"]
  kms_key_arns       = { logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "three_doors" {
  command = apply

  # customers
  assert {
    condition     = aws_lb.alb.internal && aws_lb.alb.drop_invalid_header_fields && aws_lb.alb.enable_deletion_protection && aws_lb.alb.access_logs[0].enabled
    error_message = "the ALB stands inside, drops headers that are none, is protected and logs"
  }
  assert {
    condition     = toset(aws_lb.alb.security_groups) == toset(["sg-alb", "sg-lattice"])
    error_message = "the ALB has a door for CloudFront and one for Lattice"
  }
  assert {
    condition     = aws_wafv2_web_acl_association.alb.resource_arn == aws_lb.alb.arn
    error_message = "the firewall stands before the ALB"
  }
  assert {
    condition     = alltrue([for listener in concat([aws_lb_listener.customers, aws_lb_listener.lattice], values(aws_lb_listener.tills)) : contains(["HTTPS", "TLS"], listener.protocol) && listener.ssl_policy == local.tls_policy])
    error_message = "TLS at each door"
  }
  assert {
    condition     = aws_lb_listener.customers.default_action[0].fixed_response[0].status_code == "404"
    error_message = "what is no customer's business is not found"
  }
  assert {
    condition = { for service, rule in aws_lb_listener_rule.customers : service => rule.action[0].target_group_arn } == {
      for service in ["order", "menu", "loyalty", "storefront"] : service => output.target_group_arns[service]
    }
    error_message = "customers reach order, menu, loyalty and storefront; nobody reaches inventory from outside"
  }
  assert {
    condition     = length(distinct([for rule in aws_lb_listener_rule.customers : rule.priority])) == 4
    error_message = "each rule has its own priority"
  }
  assert {
    condition     = alltrue([for route in values(local.routes) : length(route.paths) + length(route.methods) <= 5])
    error_message = "AWS takes five values in all conditions of a rule"
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.http : group.health_check[0].path == "/livez" && group.target_type == "ip" && group.port == 8080])
    error_message = "pods are asked where customers ask"
  }

  # tills
  assert {
    condition = !aws_lb.tills.internal && alltrue([for group in aws_lb_target_group.tills : group.protocol == "TCP"]) && {
      for listener in aws_lb_listener.tills : listener.port => listener.default_action[0].target_group_arn
      } == {
      443  = output.target_group_arns["order-tills"]
      8443 = output.target_group_arns["storefront-boards"]
    }
    error_message = "tills reach order over TLS, and TCP behind it; boards reach the storefront so"
  }
  assert {
    condition     = output.tills_url == "https://tills.cafe.example.com"
    error_message = "tills have a name for which the certificate is"
  }
  assert {
    condition     = output.boards_url == "https://tills.cafe.example.com:8443/board/"
    error_message = "boards are by the tills' name"
  }

  # Lattice
  assert {
    condition     = aws_vpclattice_service_network.this.auth_type == "AWS_IAM" && aws_vpclattice_service.inventory.auth_type == "AWS_IAM" && length(aws_vpclattice_auth_policy.this) == 2
    error_message = "nobody calls without a signature"
  }
  assert {
    condition     = tolist(flatten([for statement in jsondecode(data.aws_iam_policy_document.inventory.json).Statement : statement.Principal.AWS])) == var.order_role_arns
    error_message = "order's role calls inventory, and no other"
  }
  assert {
    condition = alltrue(flatten([for policy in [data.aws_iam_policy_document.inventory.json, data.aws_iam_policy_document.service_network.json] : [
      for statement in jsondecode(policy).Statement : [for resource in flatten([statement.Resource]) : startswith(resource, aws_vpclattice_service.inventory.arn)]
    ]]))
    error_message = "calls are let in to inventory alone"
  }
  assert {
    condition     = one(aws_vpclattice_target_group_attachment.inventory.target).id == aws_lb.alb.arn && aws_lb_listener.lattice.port == 8443
    error_message = "Lattice hands over to the ALB's own listener for it"
  }

  # logs
  assert {
    condition     = !can(aws_lb.alb.tags["cloudcafe.dev/chaos"]) && !can(aws_lb_target_group.http["order"].tags["cloudcafe.dev/chaos"])
    error_message = "nothing is breakable unless a variable says so"
  }
}

run "the_smallest_profile_may_be_broken_and_torn_down" {
  command = plan

  variables {
    chaos_allowed       = true
    deletion_protection = false
    force_destroy       = true
  }

  assert {
    condition = alltrue([for tags in concat(
      [aws_lb.alb.tags, aws_lb.tills.tags], values(aws_lb_target_group.tills)[*].tags,
      values(aws_lb_target_group.http)[*].tags, values(aws_lb_listener_rule.customers)[*].tags,
    ) : tags["cloudcafe.dev/chaos"] == "allowed"])
    error_message = "the routing fault and the loss of targets need the tag"
  }
  assert {
    condition     = !aws_lb.alb.enable_deletion_protection && !aws_lb.tills.enable_deletion_protection
    error_message = "nothing stands in destroy's way"
  }
}
