output "alb_arn" {
  description = "The ALB: CloudFront's origin for the API."
  value       = aws_lb.alb.arn
}

output "alb_dns_name" {
  description = "Name of the ALB inside the VPC."
  value       = aws_lb.alb.dns_name
}

output "alb_arn_suffix" {
  description = "The ALB as CloudWatch's dimension LoadBalancer names it."
  value       = aws_lb.alb.arn_suffix
}

output "alb_listener_arn" {
  description = "The customers' listener, whose rules the routing fault changes."
  value       = aws_lb_listener.customers.arn
}

output "target_group_arns" {
  description = "Target groups for the cluster's TargetGroupBindings: order, menu, loyalty, storefront, inventory, order-tills, storefront-boards."
  value = merge(
    { for service, group in aws_lb_target_group.http : service => group.arn },
    { for counter, group in aws_lb_target_group.tills : counter => group.arn },
  )

  # a binding to a group that no listener uses stays unhealthy
  depends_on = [aws_lb_listener_rule.customers, aws_lb_listener.lattice, aws_lb_listener.tills]
}

output "target_group_arn_suffixes" {
  description = "The target groups as CloudWatch's dimension TargetGroup names them."
  value = merge(
    { for service, group in aws_lb_target_group.http : service => group.arn_suffix },
    { for counter, group in aws_lb_target_group.tills : counter => group.arn_suffix },
  )
}

output "nlb_arn" {
  description = "The tills' NLB."
  value       = aws_lb.tills.arn
}

output "nlb_arn_suffix" {
  description = "The NLB as CloudWatch's dimension LoadBalancer names it."
  value       = aws_lb.tills.arn_suffix
}

output "tills_url" {
  description = "Where tills place orders."
  value       = "https://${aws_route53_record.tills.name}"
}

output "boards_url" {
  description = "Where a store's staff open its board."
  value       = "https://${aws_route53_record.tills.name}:${local.counters.storefront-boards.port}/board/"
}

output "lattice_service_network_arn" {
  description = "The service network of VPC Lattice."
  value       = aws_vpclattice_service_network.this.arn
}

output "lattice_inventory_arn" {
  description = "Inventory in VPC Lattice; order's role needs vpc-lattice-svcs:Invoke on it."
  value       = aws_vpclattice_service.inventory.arn
}

output "lattice_inventory_url" {
  description = "Where a caller with a signature reaches inventory."
  value       = "https://${aws_vpclattice_service.inventory.dns_entry[0].domain_name}"
}
