# The database subnets' second fence. It knows subnets and ports only, and holds where a security group was opened by mistake.

locals {
  store_ports = toset([for port in values(local.stores) : tostring(port)])
}

resource "aws_network_acl" "database" {
  vpc_id     = aws_vpc.this.id
  subnet_ids = [for subnet in aws_subnet.database : subnet.id]
  tags       = { Name = "${var.name}-database" }
}

resource "aws_network_acl_rule" "into_store" {
  for_each = { for index, port in sort(local.store_ports) : port => 100 + 10 * index }

  network_acl_id = aws_network_acl.database.id
  rule_number    = each.value
  rule_action    = "allow"
  protocol       = "tcp"
  cidr_block     = local.private_range
  from_port      = tonumber(each.key)
  to_port        = tonumber(each.key)
}

# ACLs keep no state: an answer goes to the port from which the client called
resource "aws_network_acl_rule" "answers" {
  network_acl_id = aws_network_acl.database.id
  egress         = true
  rule_number    = 100
  rule_action    = "allow"
  protocol       = "tcp"
  cidr_block     = local.private_range
  from_port      = 1024
  to_port        = 65535
}
