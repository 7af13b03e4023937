# Who may talk to whom: each service and each store has a security group, and every rule names the group at its other end.
# A way becomes two rules, out of the one group and into the other. The chart has the same table for pods
# (charts/cloudcafe/templates/_network.tpl); `access` is what its services list under `access`.

locals {
  # the services and the operator, and what each of them reaches
  access = {
    order             = ["aurora", "aws", "menu", "inventory", "lattice"]
    menu              = ["documentdb", "elasticache", "aws"]
    inventory         = ["aws"]
    loyalty           = ["memorydb", "aws"]
    payment-processor = ["payment-provider", "aws"]
    analytics-worker  = ["redshift", "aws"]
    storefront        = ["aws", "menu", "order"]
    operator          = concat(["aws", "control-plane"], local.services)
  }
  services = ["order", "menu", "inventory", "loyalty", "payment-processor", "analytics-worker", "storefront"]

  stores = {
    aurora      = 5432
    redshift    = 5439
    documentdb  = 27017
    elasticache = 6379
    memorydb    = 6379
  }

  # at these ends no group of ours stands: a network, or a list of networks that AWS keeps
  outside = {
    cloudfront = [{ cidr = null, prefix_list = data.aws_ec2_managed_prefix_list.this["cloudfront"].id }]
    lattice    = [{ cidr = null, prefix_list = data.aws_ec2_managed_prefix_list.this["lattice"].id }]
    tills      = [for cidr in var.till_cidrs : { cidr = cidr, prefix_list = null }]
    aws        = [{ cidr = "0.0.0.0/0", prefix_list = null }] # its APIs have no fixed addresses
  }

  # EC2 takes few characters in a description, and no apostrophe
  groups = merge(
    { for service in local.services : service => "the service ${service}" },
    { for store, port in local.stores : store => "the store ${store}" },
    {
      operator      = "the operator"
      nodes         = "nodes of the EKS cluster, and the pods that have no group of their own"
      control-plane = "the API server of EKS, by its addresses in the VPC"
      endpoints     = "interface endpoints of AWS services"
      alb           = "the application load balancer, where CloudFront comes in"
      alb-lattice   = "the application load balancer, where VPC Lattice comes in"
      nlb           = "the network load balancer, where tills come in"
    },
  )

  # customers by CloudFront, tills by their own door, order to inventory where Lattice lies between
  edge_ways = [
    { from = "cloudfront", to = "alb", port = 443 },
    { from = "alb", to = "order", port = 8080 },
    { from = "alb", to = "menu", port = 8080 },
    { from = "alb", to = "loyalty", port = 8080 },
    { from = "alb", to = "storefront", port = 8080 },
    # a group of its own: the two prefix lists count 55 and 10 of the 60 rules that a group may have
    { from = "lattice", to = "alb-lattice", port = 8443 },
    { from = "alb-lattice", to = "inventory", port = 8080 },
    { from = "tills", to = "nlb", port = 443 },
    { from = "nlb", to = "order", port = 8080 },
    { from = "tills", to = "nlb", port = 8443 }, # the staff's boards
    { from = "nlb", to = "storefront", port = 8080 },
  ]

  ports = merge(
    { for service in local.services : service => 8080 },
    local.stores,
    { aws = 443, control-plane = 443, lattice = 443 },
  )
  # the card provider is reached by the rule for AWS: both are the world, and AWS refuses two rules that are alike
  service_ways = flatten([for from, targets in local.access : [
    for to in targets : { from = from, to = to, port = local.ports[to] } if to != "payment-provider"
  ]])
  # an interface endpoint makes an address in the VPC of an AWS service
  endpoint_ways = [for from in concat(["nodes"], [for from, targets in local.access : from if contains(targets, "aws")]) :
    { from = from, to = "endpoints", port = 443 }
  ]

  # what Kubernetes itself needs
  cluster_ways = concat(
    [
      { from = "nodes", to = "control-plane", port = 443 },
      { from = "nodes", to = "aws", port = 443 },
      { from = "nodes", to = "nodes", port = 10250 },         # metrics-server asks kubelets
      { from = "control-plane", to = "nodes", port = 10250 }, # kubelet: logs, exec
      { from = "control-plane", to = "nodes", port = 10251 }, # metrics-server is an API behind the API
      { from = "control-plane", to = "nodes", port = 9443 },  # the load balancer controller's webhook
    ],
    [for service in local.services : { from = "operator", to = service, port = 9090 }],
    [for service in keys(local.access) : { from = "nodes", to = service, port = 9090 }], # probes and metrics
  )
  # CoreDNS runs on the nodes
  dns_ways = [for way in setproduct(concat(["nodes"], keys(local.access)), ["tcp", "udp"]) :
    { from = way[0], to = "nodes", port = 53, protocol = way[1] }
  ]

  # Where something sits: in its own group, and, where pods share their node's, in that one too. What runs beside the
  # cluster (Lambda, Fargate, Auto Scaling) has its service's own group in either case.
  seats = { for name in keys(merge(local.groups, local.outside)) : name =>
    var.pods_in_node_group && contains(keys(local.access), name) ? [name, "nodes"] : [name]
  }

  ways = { for way in distinct(flatten([
    for way in concat(
      local.edge_ways, local.service_ways, local.endpoint_ways, local.cluster_ways, local.dns_ways
      ) : [
      for pair in setproduct(local.seats[way.from], local.seats[way.to]) :
      { from = pair[0], to = pair[1], port = way.port, protocol = try(way.protocol, "tcp") }
    ]
  ])) : "${way.from} to ${way.to} ${way.protocol} ${way.port}" => way }

  # rules by their key: the way, and the number of the network where the other end is outside
  egress = merge(flatten([for key, way in local.ways : [
    for index, end in try(local.outside[way.to], [null]) : { "${key}${index == 0 ? "" : " ${index}"}" = merge(way, { end = end }) }
  ] if contains(keys(local.groups), way.from)])...)
  ingress = merge(flatten([for key, way in local.ways : [
    for index, end in try(local.outside[way.from], [null]) : { "${key}${index == 0 ? "" : " ${index}"}" = merge(way, { end = end }) }
  ] if contains(keys(local.groups), way.to)])...)
}

data "aws_ec2_managed_prefix_list" "this" {
  for_each = {
    cloudfront = "com.amazonaws.global.cloudfront.origin-facing"
    lattice    = "com.amazonaws.${data.aws_region.current.region}.vpc-lattice"
  }

  name = each.value
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:Other modules attach them, by the output security_group_ids
  for_each = local.groups

  name        = "${var.name}-${each.key}"
  description = "CloudCafe: ${each.value}"
  vpc_id      = aws_vpc.this.id

  # groups name each other; without this AWS refuses to delete either of two
  revoke_rules_on_delete = true

  # the lockdown fault breaks stores and services, never the ways into the cluster
  tags = merge(
    contains(concat(local.services, keys(local.stores)), each.key) ? local.breakable : {},
    contains(["operator", "nodes", "control-plane", "endpoints"], each.key) ? { "cloudcafe.dev/protected" = "true" } : {},
    { Name = "${var.name}-${each.key}" },
  )
}

# once for all rules: each look at a resource with many instances reads them all
locals {
  group_ids = { for key, group in aws_security_group.this : key => group.id }
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each = local.egress

  security_group_id            = local.group_ids[each.value.from]
  referenced_security_group_id = each.value.end == null ? local.group_ids[each.value.to] : null
  cidr_ipv4                    = try(each.value.end.cidr, null)
  prefix_list_id               = try(each.value.end.prefix_list, null)
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.key
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.ingress

  security_group_id            = local.group_ids[each.value.to]
  referenced_security_group_id = each.value.end == null ? local.group_ids[each.value.from] : null
  cidr_ipv4                    = try(each.value.end.cidr, null)
  prefix_list_id               = try(each.value.end.prefix_list, null)
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.key
}
