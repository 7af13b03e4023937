output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "vpc_cidr" {
  description = "Addresses of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "Public subnets, in the order of the zones."
  value       = [for az in var.azs : aws_subnet.public[az].id]
}

output "private_subnet_ids" {
  description = "Private subnets, in the order of the zones."
  value       = [for az in var.azs : aws_subnet.private[az].id]
}

output "private_subnet_cidrs" {
  description = "Addresses of the private subnets, where pods and load balancers of customers are."
  value       = [for az in var.azs : aws_subnet.private[az].cidr_block]
}

output "database_subnet_ids" {
  description = "Database subnets, in the order of the zones."
  value       = [for az in var.azs : aws_subnet.database[az].id]
}

output "database_subnet_cidrs" {
  description = "Addresses of the database subnets: the chart's global.networkPolicies.dataTierCidrs."
  value       = [for az in var.azs : aws_subnet.database[az].cidr_block]
}

output "security_group_ids" {
  description = "Security groups: of each service, of the operator, of each store, nodes, control-plane, endpoints, alb, alb-lattice, nlb."
  value       = local.group_ids

  # whoever starts with a group's id needs its rules as well
  depends_on = [aws_vpc_security_group_egress_rule.this, aws_vpc_security_group_ingress_rule.this]
}

output "ways" {
  description = "Who may talk to whom, one line a way."
  value       = sort(keys(local.ways))
}

output "nat_public_ips" {
  description = "Addresses from which the cafe calls the internet, for the payment provider's allow list."
  value       = [for az in local.nat_zones : aws_eip.nat[az].public_ip]
}

output "flow_log_group_name" {
  description = "Log group of the flow logs."
  value       = aws_cloudwatch_log_group.flow.name
}
