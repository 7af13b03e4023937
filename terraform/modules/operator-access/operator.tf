locals {
  operator = jsondecode(file("${path.module}/policy.json"))
  here     = ":${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:"

  # the generated policy knows neither Region nor account
  operator_statements = [
    for statement in local.operator.Statement : merge(statement, {
      Resource = [
        for resource in flatten([statement.Resource]) : replace(replace(replace(
          resource, ":*:*:", local.here
        ), "::*:", "::${data.aws_caller_identity.current.account_id}:"), "/^arn:aws:/", "arn:${data.aws_partition.current.partition}:")
      ]
    })
  ]

  own_queues = [for name, arn in var.resource_arns : arn if strcontains(arn, ":sqs:")]
}

resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "What the operator's stores and faults call; made by make generate"

  policy = jsonencode(merge(local.operator, {
    Statement = concat(
      local.operator_statements,
      # stores' queues are called like ours: those of the order path stay Terraform's
      length(local.own_queues) == 0 ? [] : [{
        Sid      = "NotTheOrderPath"
        Effect   = "Deny"
        Action   = ["sqs:DeleteQueue", "sqs:TagQueue", "sqs:UntagQueue"]
        Resource = local.own_queues
      }],
    )
  }))

  lifecycle {
    precondition {
      condition     = alltrue([for action in flatten(local.operator.Statement[*].Action) : !strcontains(action, "*")])
      error_message = "policy.json holds a wildcard action: name each one in the fault's iam_actions, then run make generate."
    }
  }
}
