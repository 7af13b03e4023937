output "chart_values" {
  description = "What `cafectl values` makes the chart's values of."
  value       = module.cafe.chart_values
}

output "deploy" {
  description = "What `make deploy` needs beside the chart's values."
  value       = module.cafe.deploy
}

output "urls" {
  description = "Where customers, tills, staff and the card provider find the cafe."
  value       = module.cafe.urls
}

output "alarm_topic_arn" {
  description = "The topic to which alarms and the budget speak."
  value       = module.cafe.alarm_topic_arn
}

output "fis_role_arn" {
  description = "What the fault kinesisThrottle hands over to AWS's Fault Injection Service; null where no experiments are allowed."
  value       = module.cafe.fis_role_arn
}
