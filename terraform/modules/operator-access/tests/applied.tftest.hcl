# Against a provider: who becomes what, and what that may do.

variables {
  cluster_name = "cloudcafe"
  kms_key_arns = { data = "arn:aws:kms:eu-west-1:111122223333:key/data", messages = "arn:aws:kms:eu-west-1:111122223333:key/messages" }
  secret_arns  = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:aurora"]

  target_group_arns = ["arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/order/1"]

  resource_arns = {
    "cloudcafe-orders"                   = "arn:aws:dynamodb:eu-west-1:111122223333:table/cloudcafe-orders"
    "cloudcafe-inventory"                = "arn:aws:dynamodb:eu-west-1:111122223333:table/cloudcafe-inventory"
    "cloudcafe-payments"                 = "arn:aws:dynamodb:eu-west-1:111122223333:table/cloudcafe-payments"
    "cloudcafe-order-events"             = "arn:aws:kinesis:eu-west-1:111122223333:stream/cloudcafe-order-events"
    "cloudcafe-stock-events"             = "arn:aws:kinesis:eu-west-1:111122223333:stream/cloudcafe-stock-events"
    "cloudcafe-payments.fifo"            = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payments.fifo"
    "cloudcafe-payments-dlq.fifo"        = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payments-dlq.fifo"
    "cloudcafe-payment-results.fifo"     = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payment-results.fifo"
    "cloudcafe-payment-results-dlq.fifo" = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payment-results-dlq.fifo"
    "cloudcafe-loyalty-dlq"              = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-loyalty-dlq"
    "cloudcafe-analytics-dlq"            = "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-analytics-dlq"
  }
}

provider "aws" {
  region = "eu-west-1"
}

run "gives_each_pod_what_its_code_calls" {
  assert {
    condition     = aws_eks_pod_identity_association.this["operator"].service_account == "cloudcafe-operator" && length(aws_eks_pod_identity_association.this) == 11
    error_message = "The operator, seven services and three controllers have roles by Pod Identity."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.nodes.policy).Statement : statement.Condition if statement.Sid == "Size"
    ] == [{ StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/cloudcafe" = "owned" } }]
    error_message = "The autoscaler turns this cluster's node group, and no other."
  }

  assert {
    condition     = alltrue([for policy in concat([aws_iam_policy.operator, aws_iam_policy.faults], values(aws_iam_policy.service)) : !anytrue([for action in flatten([for statement in jsondecode(policy.policy).Statement : statement.Action]) : strcontains(action, "*")])])
    error_message = "A wildcard action."
  }

  assert {
    condition = alltrue([
      for policy in values(aws_iam_policy.service) : alltrue([
        for statement in jsondecode(policy.policy).Statement :
        contains(flatten([statement.Resource]), "*") ? flatten([statement.Action]) == ["cloudwatch:PutMetricData"] && can(statement.Condition) : true
      ])
    ])
    error_message = "Only PutMetricData has no resource, and then its namespace is a condition."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.service["order"].policy).Statement :
      contains(flatten([statement.Resource]), "arn:aws:dynamodb:eu-west-1:111122223333:table/cloudcafe-orders/index/ledger")
    ])
    error_message = "The books are read by the index."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.service["payment-processor"].policy).Statement :
      !(contains(flatten([statement.Action]), "sqs:ReceiveMessage") && contains(flatten([statement.Resource]), "arn:aws:sqs:eu-west-1:111122223333:cloudcafe-payment-results.fifo"))
    ])
    error_message = "Who sends to a queue need not take from it."
  }

  assert {
    condition     = max(length(aws_iam_policy.operator.policy), length(aws_iam_policy.faults.policy)) <= 6144
    error_message = "IAM takes no longer managed policy: give part of the faults one of their own."
  }

  assert {
    condition     = output.fis_role_arn == null
    error_message = "No experiments, no role for them."
  }

  assert {
    condition     = length(aws_iam_service_linked_role.fis) == 0
    error_message = "No experiments, no service-linked role for them."
  }

  assert {
    condition     = !strcontains("${aws_iam_policy.operator.policy}${aws_iam_policy.faults.policy}", ":*:*:") && strcontains(aws_iam_policy.operator.policy, "NotTheOrderPath")
    error_message = "The operator's policy is of this Region and account, and leaves our own queues alone."
  }

  assert {
    condition     = aws_secretsmanager_secret.token.name == "cloudcafe-platform/service-token" && aws_secretsmanager_secret_version.token.secret_string == null
    error_message = "The token is not below cloudcafe/, which is the operator's, and not in the state."
  }
}

run "lets_fault_injection_in_where_experiments_are_allowed" {
  variables { chaos_allowed = true }

  assert {
    condition     = output.fis_role_arn == aws_iam_role.fis[0].arn && strcontains(aws_iam_role.fis[0].assume_role_policy, "fis.amazonaws.com")
    error_message = "Fault Injection Service takes the role."
  }

  assert {
    condition     = aws_iam_service_linked_role.fis[0].aws_service_name == "fis.amazonaws.com"
    error_message = "A new account gets the role that Fault Injection Service itself needs."
  }

  assert {
    condition     = toset(flatten([jsondecode(aws_iam_role_policy.fis[0].policy).Statement[0].Resource])) == toset([for name in ["cloudcafe-order-events", "cloudcafe-stock-events"] : var.resource_arns[name]])
    error_message = "It reaches the streams, and nothing else."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.faults.policy).Statement : endswith(output.fis_role_arn, trimprefix(statement.Resource[0], "arn:aws:iam::123456789012:"))
      if contains(flatten([statement.Action]), "iam:PassRole")
    ] == [true]
    error_message = "The operator hands over this one role."
  }
}

run "makes_no_second_service_linked_role_where_the_account_has_it" {
  variables {
    chaos_allowed           = true
    fis_service_linked_role = false
  }

  assert {
    condition     = length(aws_iam_service_linked_role.fis) == 0 && output.fis_role_arn != null
    error_message = "AWS refuses a second one; the experiments' own role is made all the same."
  }
}
