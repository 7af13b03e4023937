locals {
  # what scales by itself: read and write of each table and of its index
  scaled = {
    for part in setproduct(keys(var.dynamodb.tables), ["table", "index"], ["read", "write"]) :
    "${part[0]}-${part[1]}-${part[2]}" => {
      table     = part[0]
      suffix    = part[1] == "index" ? "/index/ledger" : ""
      dimension = "dynamodb:${part[1]}:${part[2] == "read" ? "Read" : "Write"}CapacityUnits"
      metric    = part[2] == "read" ? "DynamoDBReadCapacityUtilization" : "DynamoDBWriteCapacityUtilization"
      range     = part[2] == "read" ? var.dynamodb.read : var.dynamodb.write
    }
  }
}

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV2_AWS_16:Tables and indexes scale below, by a for_each that checkov does not follow
  for_each = var.dynamodb.tables

  name                        = "${var.name}-${each.key}"
  billing_mode                = "PROVISIONED"
  read_capacity               = var.dynamodb.read.min
  write_capacity              = var.dynamodb.write.min
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.dynamodb.deletion_protection
  # the operator warms it up ahead of rushes
  tags = merge(local.chaos_tags, local.backup_copied, { "cloudcafe.dev/rush" = "0" })

  dynamic "attribute" {
    for_each = ["pk", "sk", "ledgerPk", "ledgerSk"]

    content {
      name = attribute.value
      type = "S"
    }
  }

  # the books are read by the hour in which their orders were placed
  global_secondary_index {
    name            = "ledger"
    projection_type = "ALL"
    read_capacity   = var.dynamodb.read.min
    write_capacity  = var.dynamodb.write.min

    key_schema {
      attribute_name = "ledgerPk"
      key_type       = "HASH"
    }

    key_schema {
      attribute_name = "ledgerSk"
      key_type       = "RANGE"
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl_attribute[*]

    content {
      enabled        = true
      attribute_name = ttl.value
    }
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = var.dynamodb.recovery_days
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arns.data
  }

  lifecycle {
    # Application Auto Scaling has the say on capacity, and an experiment while it runs. The index is a member of a set, so its
    # capacity cannot be named alone: a change of its keys needs this line out for one apply. Warm throughput is the operator's, and
    # AWS never lowers it.
    ignore_changes = [read_capacity, write_capacity, global_secondary_index, warm_throughput]
  }
}

resource "aws_appautoscaling_target" "dynamodb" {
  for_each = local.scaled

  service_namespace  = "dynamodb"
  scalable_dimension = each.value.dimension
  resource_id        = "table/${aws_dynamodb_table.this[each.value.table].name}${each.value.suffix}"
  min_capacity       = each.value.range.min
  max_capacity       = each.value.range.max
}

resource "aws_appautoscaling_policy" "dynamodb" {
  for_each = local.scaled

  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.dynamodb[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.dynamodb[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.dynamodb[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = var.dynamodb.target_percent

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
    }
  }
}
