locals {
  # each: what is measured, above what for how many minutes, and what to do (a runbook or a command)
  alarms = merge(
    {
      order-errors = {
        about     = "Orders are answered with errors. See the dashboard fleet, then `cafectl runs`: is it an experiment?"
        namespace = "CloudCafe", metric = "Errors", statistic = "Sum", dimensions = { Service = "order" }
        above     = var.limits.order_errors_per_minute, minutes = 3
      }
      order-outbox-lag = {
        about     = "Accepted orders wait to be told to the other services. Look at the order service's log and its destinations."
        namespace = "CloudCafe", metric = "RelayLagSeconds", statistic = "Maximum", dimensions = { Service = "order" }
        above     = var.limits.outbox_lag_seconds, minutes = 5
      }
      analytics-lag = {
        about     = "The analytics worker falls behind. Look at its Fargate service and at Redshift."
        namespace = "CloudCafe", metric = "StreamLagSeconds", statistic = "Maximum", dimensions = { Service = "analytics-worker" }
        above     = var.limits.stream_lag_seconds, minutes = 10
      }
      payments-function-errors = {
        about     = "The payment function fails as a whole. Its log says why; the queue keeps the payments."
        namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", dimensions = { FunctionName = var.function_name }
        above     = 3, minutes = 5
      }
      payments-function-throttles = {
        about     = "The payment function is refused for its concurrency. See function.reserved_concurrency."
        namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", dimensions = { FunctionName = var.function_name }
        above     = 10, minutes = 5
      }
      aurora-capacity = {
        about     = "Aurora is near its largest size. Raise aurora.max_acu, or find the statement that does it."
        namespace = "AWS/RDS", metric = "ACUUtilization", statistic = "Average", dimensions = { DBClusterIdentifier = var.aurora_cluster_id }
        above     = var.limits.aurora_capacity_percent, minutes = 10
      }
      aurora-connections = {
        about     = "Aurora has nearly as many connections as it takes."
        namespace = "AWS/RDS", metric = "DatabaseConnections", statistic = "Maximum", dimensions = { DBClusterIdentifier = var.aurora_cluster_id }
        above     = var.limits.aurora_connections, minutes = 5
      }
      aurora-replica-lag = {
        about     = "The reader is behind: a failover now would take longer. docs/runbooks/aurora-failover.md."
        namespace = "AWS/RDS", metric = "AuroraReplicaLagMaximum", statistic = "Maximum", dimensions = { DBClusterIdentifier = var.aurora_cluster_id }
        above     = var.limits.replica_lag_millis, minutes = 5
      }
      memorydb-memory = {
        about     = "MemoryDB is nearly full, and evicts nothing: loyalty will grant no points then. Raise memorydb.node_type."
        namespace = "AWS/MemoryDB", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", dimensions = { ClusterName = var.memorydb_cluster_name }
        above     = var.limits.memorydb_memory_percent, minutes = 10
      }
    },
    var.load_balancer == null ? {} : {
      edge-errors = {
        about     = "The load balancer finds no healthy service."
        namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum", dimensions = { LoadBalancer = var.load_balancer.arn_suffix }
        above     = var.limits.order_errors_per_minute, minutes = 3
      }
    },
    { for queue in var.queue_names : "queue-age-${replace(queue, ".", "-")}" => {
      about     = "The oldest message of ${queue} is old. Is its consumer running? Is the card provider there?"
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", dimensions = { QueueName = queue }
      above     = var.limits.queue_age_seconds, minutes = 5
    } },
    { for queue in var.dead_letter_queue_names : "dead-letters-${replace(queue, ".", "-")}" => {
      about     = "${queue} holds what nobody could work on. Read why, mend it, then `cafectl redrive`."
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", dimensions = { QueueName = queue }
      above     = 0, minutes = 1
    } },
    { for stream in var.stream_names : "stream-lag-${stream}" => {
      about     = "Whoever reads ${stream} is behind. Records are lost when they are older than the stream keeps them."
      namespace = "AWS/Kinesis", metric = "GetRecords.IteratorAgeMilliseconds", statistic = "Maximum", dimensions = { StreamName = stream }
      above     = var.limits.stream_lag_seconds * 1000, minutes = 5
    } },
    { for pair in setproduct(var.table_names, ["Read", "Write"]) : "throttled-${lower(pair[1])}s-${pair[0]}" => {
      about     = "DynamoDB refuses ${lower(pair[1])}s of ${pair[0]} for their rate."
      namespace = "AWS/DynamoDB", metric = "${pair[1]}ThrottleEvents", statistic = "Sum", dimensions = { TableName = pair[0] }
      above     = var.limits.dynamodb_throttles, minutes = 3
    } },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.about
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = ceil(each.value.minutes * 0.6)
  # no figures: nothing happened, or nothing is running, which other alarms tell
  treat_missing_data = "notBreaching"
  alarm_actions      = [aws_sns_topic.alarms.arn]
  ok_actions         = [aws_sns_topic.alarms.arn]
}

# nobody orders and nobody measures: the services themselves are gone
resource "aws_cloudwatch_metric_alarm" "silence" {
  alarm_name          = "${var.name}-order-silent"
  alarm_description   = "The order service has published nothing for a quarter of an hour: is it running? docs/runbooks/eks-rebuild.md."
  namespace           = "CloudCafe"
  metric_name         = "RelayLagSeconds"
  statistic           = "SampleCount"
  dimensions          = { Service = "order" }
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
