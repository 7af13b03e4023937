locals {
  operator = jsondecode(file("${path.module}/policy.json"))
  here     = ":${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:"

  # the generated policy knows neither Region nor account, in its resources and its conditions
  operator_statements = [
    for statement in local.operator.Statement : jsondecode(replace(replace(replace(
      jsonencode(merge(statement, { Resource = flatten([statement.Resource]) })), ":*:*:", local.here
    ), "::*:", "::${data.aws_caller_identity.current.account_id}:"), "arn:aws:", "arn:${data.aws_partition.current.partition}:"))
  ]

  own_queues = [for name, arn in var.resource_arns : arn if strcontains(arn, ":sqs:")]
}

# Two policies, since a managed one has 6,144 characters at most and each fault adds some.
resource "aws_iam_policy" "operator" {
  name        = "${var.name}-operator"
  description = "What the operator's stores and probes call; made by make generate"

  policy = jsonencode(merge(local.operator, {
    Statement = concat(
      [for statement in local.operator_statements : statement if !startswith(statement.Sid, "Faults")],
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

resource "aws_iam_policy" "faults" {
  name        = "${var.name}-operator-faults"
  description = "What the operator's faults call; made by make generate"

  policy = jsonencode(merge(local.operator, {
    Statement = [for statement in local.operator_statements : statement if startswith(statement.Sid, "Faults")]
  }))
}

resource "aws_iam_role_policy_attachment" "faults" {
  role       = aws_iam_role.pod["operator"].name
  policy_arn = aws_iam_policy.faults.arn
}
