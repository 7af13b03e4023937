# The plan as the stand-in, or the real provider, makes it.

provider "aws" {
  region = "eu-west-1"
}

variables {
  azs          = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  till_cidrs   = ["203.0.113.0/24", "198.51.100.0/25"]
  kms_key_arns = { data = "unused", messages = "unused", logs = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}

run "a_network_as_production_has_it" {
  command = apply

  # subnets
  assert {
    condition     = output.database_subnet_cidrs == ["10.20.21.0/24", "10.20.22.0/24", "10.20.23.0/24"]
    error_message = "charts/cloudcafe/values-aws.yaml names other database subnets"
  }
  assert {
    condition     = [for az in var.azs : aws_subnet.private[az].cidr_block] == ["10.20.64.0/20", "10.20.80.0/20", "10.20.96.0/20"]
    error_message = "private subnets"
  }
  assert {
    condition     = [for az in var.azs : aws_subnet.public[az].cidr_block] == ["10.20.1.0/24", "10.20.2.0/24", "10.20.3.0/24"]
    error_message = "public subnets"
  }
  assert {
    condition     = alltrue([for az, subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "nothing gets a public address by itself"
  }

  # ways out
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(distinct([for az in var.azs : aws_route.private_out[az].nat_gateway_id])) == 3
    error_message = "three zones, three NAT gateways"
  }
  assert {
    condition     = alltrue([for az in var.azs : aws_nat_gateway.this[az].subnet_id == aws_subnet.public[az].id])
    error_message = "a NAT gateway stands in the public subnet of its zone"
  }
  assert {
    condition     = length(output.nat_public_ips) == 3 && alltrue([for az in var.azs : aws_route_table_association.database[az].route_table_id == aws_route_table.database.id])
    error_message = "the database subnets have a table of their own, without a way out"
  }

  # who may talk to whom
  assert {
    condition = (
      aws_vpc_security_group_egress_rule.this["order to aurora tcp 5432"].security_group_id == output.security_group_ids["order"] &&
      aws_vpc_security_group_egress_rule.this["order to aurora tcp 5432"].referenced_security_group_id == output.security_group_ids["aurora"] &&
      aws_vpc_security_group_ingress_rule.this["order to aurora tcp 5432"].security_group_id == output.security_group_ids["aurora"] &&
      aws_vpc_security_group_ingress_rule.this["order to aurora tcp 5432"].referenced_security_group_id == output.security_group_ids["order"]
    )
    error_message = "the rule names the group at its other end"
  }
  # pods share the node's group by default: the node gets their ways, and what runs beside the cluster keeps its own
  assert {
    condition     = contains(output.ways, "nodes to aurora tcp 5432") && contains(output.ways, "analytics-worker to redshift tcp 5439") && contains(output.ways, "alb to nodes tcp 8080")
    error_message = "pods are reached in the node's group"
  }
  # AWS counts a prefix list as all it may hold; CloudFront's as 55, Lattice's as 10, of 60
  assert {
    condition = alltrue(flatten([for name in keys(local.groups) : [for rules in [
      [for rule in values(local.egress) : rule.to if rule.from == name], [for rule in values(local.ingress) : rule.from if rule.to == name],
    ] : sum(concat([0], [for end in rules : lookup({ cloudfront = 55, lattice = 10 }, end, 1)])) <= 60]]))
    error_message = "a security group takes 60 rules each way"
  }

  # network ACLs
  assert {
    condition     = { for port, rule in aws_network_acl_rule.into_store : port => "${rule.cidr_block} ${rule.rule_action} ${rule.from_port}-${rule.to_port}" } == { for port in ["27017", "5432", "5439", "6379"] : port => "10.20.64.0/18 allow ${port}-${port}" }
    error_message = "network ACL, inwards"
  }
  assert {
    condition     = length(distinct([for rule in aws_network_acl_rule.into_store : rule.rule_number])) == 4 && aws_network_acl_rule.answers.egress
    error_message = "numbers are given once"
  }

  # faults
  assert {
    condition     = alltrue([for thing in concat(values(aws_subnet.private), values(aws_subnet.database), values(aws_security_group.this)) : !contains(keys(thing.tags), "cloudcafe.dev/chaos")])
    error_message = "nothing is breakable unless a variable says so"
  }

  # flow logs
  assert {
    condition     = aws_cloudwatch_log_group.flow.kms_key_id == var.kms_key_arns.logs && aws_flow_log.this.traffic_type == "ALL"
    error_message = "flow log"
  }
  assert {
    condition     = jsondecode(data.aws_iam_policy_document.flow_log_writes.json).Statement[0].Resource == "${aws_cloudwatch_log_group.flow.arn}:*"
    error_message = "the role writes this log group's streams, no others"
  }
}

run "a_small_network_with_all_that_variables_change" {
  command = plan

  variables {
    cidr                = "192.168.64.0/18"
    nat_per_az          = false
    interface_endpoints = ["sqs", "ecr.api", "ecr.dkr"]
    pods_in_node_group  = false
    chaos_allowed       = true
  }

  # who may talk to whom, with a group for each service's pods
  # Lattice lies beside the chart's way from order to inventory
  assert {
    condition = { for service, block in yamldecode(file("${path.module}/../../../charts/cloudcafe/charts/cloudcafe-services/values.yaml")).services :
      service => toset([for target in block.access : target == "database" ? "aurora" : target])
    } == { for service in local.services : service => setsubtract(local.access[service], ["lattice"]) }
    error_message = "the chart gives its services other ways than this table"
  }
  # whoever is not named does not get in
  assert {
    condition = { for store in keys(local.stores) : store => [for way in values(local.ways) : way.from if way.to == store] } == {
      aurora      = ["order"]
      documentdb  = ["menu"]
      elasticache = ["menu"]
      memorydb    = ["loyalty"]
      redshift    = ["analytics-worker"]
    }
    error_message = "stores are reached by those that own them, and by nobody else"
  }
  assert {
    condition     = alltrue([for way in values(local.ways) : !contains(keys(local.stores), way.from)])
    error_message = "a store opens no connection"
  }
  assert {
    condition     = toset([for way in values(local.ways) : way.from if way.to == "inventory" && way.port == 8080]) == toset(["alb-lattice", "operator", "order"])
    error_message = "inventory is called by order, the operator and VPC Lattice"
  }
  assert {
    condition     = alltrue([for rule in values(local.ingress) : rule.end == null || contains(["cloudfront", "lattice", "tills"], rule.from)])
    error_message = "from outside come CloudFront, VPC Lattice and tills, and nobody else"
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.this : rule.cidr_ipv4 != "0.0.0.0/0" && rule.ip_protocol != "-1" && rule.from_port == rule.to_port])
    error_message = "a rule opens one port, and none opens it to the internet"
  }
  assert {
    condition = alltrue([for door in ["tills to nlb tcp 443", "tills to nlb tcp 8443"] :
      [for key in [door, "${door} 1"] : aws_vpc_security_group_ingress_rule.this[key].cidr_ipv4] == ["203.0.113.0/24", "198.51.100.0/25"]
    ])
    error_message = "every till network gets a rule"
  }

  # subnets
  assert {
    condition = [for az in var.azs : [aws_subnet.public[az].cidr_block, aws_subnet.database[az].cidr_block, aws_subnet.private[az].cidr_block]] == [
      ["192.168.64.64/26", "192.168.69.64/26", "192.168.80.0/22"],
      ["192.168.64.128/26", "192.168.69.128/26", "192.168.84.0/22"],
      ["192.168.64.192/26", "192.168.69.192/26", "192.168.88.0/22"],
    ]
    error_message = "subnets of a /18"
  }

  # ways out
  assert {
    condition     = toset(keys(aws_nat_gateway.this)) == toset(["eu-west-1a"]) && length(aws_route.private_out) == 3
    error_message = "one NAT gateway for all"
  }

  # endpoints
  assert {
    condition     = { for name, endpoint in aws_vpc_endpoint.gateway : name => endpoint.service_name } == { s3 = "com.amazonaws.eu-west-1.s3", dynamodb = "com.amazonaws.eu-west-1.dynamodb" }
    error_message = "gateways are always there"
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["sqs", "ecr.api", "ecr.dkr"]) && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "interface endpoints by variable"
  }

  # faults
  assert {
    condition     = toset([for name, group in aws_security_group.this : name if contains(keys(group.tags), "cloudcafe.dev/chaos")]) == toset(concat(local.services, keys(local.stores)))
    error_message = "the groups of services and stores are breakable, the cluster's are not"
  }
  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.private), values(aws_subnet.database)) : subnet.tags["cloudcafe.dev/chaos"] == "allowed"])
    error_message = "a zone is breakable"
  }
}
