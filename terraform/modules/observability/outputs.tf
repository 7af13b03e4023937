output "topic_arn" {
  description = "The topic to which alarms and the budget speak."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_names" {
  description = "Dashboards."
  value       = sort([for dashboard in aws_cloudwatch_dashboard.this : dashboard.dashboard_name])
}

output "alarm_arns" {
  description = "Alarms by what they are about; chaos experiments may stop at them."
  value       = merge({ for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn }, { order-silent = aws_cloudwatch_metric_alarm.silence.arn })
}

output "log_group_arns" {
  description = "Log groups that this module made, by name."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.arn }
}
