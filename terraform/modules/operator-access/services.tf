locals {
  services = jsondecode(file("${path.module}/services.json"))

  # stores have queues of their own, flagships tables, which the operator makes
  arns = merge(var.resource_arns, {
    "cloudcafe-store-*"       = "arn:${data.aws_partition.current.partition}:dynamodb${local.here}table/cloudcafe-store-*"
    "cloudcafe-*-orders.fifo" = "arn:${data.aws_partition.current.partition}:sqs${local.here}cloudcafe-*-orders.fifo"
  })

  # "table/cloudcafe-orders/index/ledger" → the table's ARN + "/index/ledger"; "namespace/…" is a condition
  missing = distinct([
    for resource in flatten(values(local.services)[*][*].resources) : split("/", resource)[1]
    if !startswith(resource, "namespace/") && !contains(keys(local.arns), split("/", resource)[1])
  ])

  # a key is used through the queue or the stream, by those who send to it or take from it
  encrypted = { for name, statements in local.services : name => anytrue([
    for statement in statements : contains(["Streams", "Sent", "Taken"], statement.sid)
  ]) }
}

data "aws_iam_policy_document" "service" {
  for_each = local.services

  dynamic "statement" {
    for_each = each.value

    content {
      sid     = statement.value.sid
      actions = statement.value.actions
      # PutMetricData knows no resource: its namespace limits it
      resources = statement.value.sid == "Metrics" ? ["*"] : [
        for resource in statement.value.resources : join("/", concat(
          [lookup(local.arns, split("/", resource)[1], "missing")],
          slice(split("/", resource), 2, length(split("/", resource))),
        ))
      ]

      dynamic "condition" {
        for_each = statement.value.sid == "Metrics" ? statement.value.resources : []

        content {
          test     = "StringEquals"
          variable = "cloudwatch:namespace"
          values   = [trimprefix(condition.value, "namespace/")]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = local.encrypted[each.key] ? [var.kms_key_arns.messages] : []

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values = [
          for service in ["sqs", "kinesis"] : "${service}.${data.aws_region.current.region}.amazonaws.com"
        ]
      }
    }
  }
}

resource "aws_iam_policy" "service" {
  for_each = local.services

  name        = "${var.name}-${each.key}"
  description = "What the code of ${each.key} calls; made by make generate"
  policy      = data.aws_iam_policy_document.service[each.key].json

  lifecycle {
    precondition {
      condition     = length(local.missing) == 0
      error_message = "resource_arns lacks ${join(", ", local.missing)}, which services.json names."
    }
  }
}
