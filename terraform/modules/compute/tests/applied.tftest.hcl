# Against a provider: what is made, and how its parts hang together.

variables {
  vpc_id                   = "vpc-0123456789abcdef0"
  private_subnet_ids       = ["subnet-a", "subnet-b"]
  security_group_ids       = { nodes = "sg-nodes", control-plane = "sg-control", analytics-worker = "sg-analytics", loyalty = "sg-loyalty" }
  kms_key_arns             = { data = "arn:aws:kms:eu-west-1:111122223333:key/data", state = "arn:aws:kms:eu-west-1:111122223333:key/state", logs = "arn:aws:kms:eu-west-1:111122223333:key/logs" }
  service_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:cloudcafe-platform/service-token"
  cluster                  = { authorised_arns = { ops = "arn:aws:iam::111122223333:role/ops" } }
  image_tags               = { analytics-worker = "a1", loyalty = "b2" }

  analytics = {
    environment = { CAFE_ORDER_STREAM = "cloudcafe-order-events" }
    secrets     = { CAFE_REDSHIFT_PASSWORD = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redshift:password::" }
    secret_arns = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:redshift"]
    policy_arn  = "arn:aws:iam::111122223333:policy/cloudcafe-analytics-worker"
  }

  spares = {
    memorydb_endpoint = "memorydb.example"
    memorydb_secret   = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:memorydb"
    policy_arn        = "arn:aws:iam::111122223333:policy/cloudcafe-loyalty"
  }
}

provider "aws" {
  region = "eu-west-1"
}

run "makes_all_of_it" {
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "Without public_cidrs the API server must answer inside the VPC only."
  }

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && length(aws_eks_access_entry.this) == 1
    error_message = "People enter by access entries."
  }

  assert {
    condition     = one(aws_eks_cluster.this.encryption_config[0].resources) == "secrets" && length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "Kubernetes Secrets are encrypted with our key and all logs of the control plane are kept."
  }

  assert {
    condition = alltrue([
      for template in concat([aws_launch_template.node], values(aws_launch_template.spare)) :
      template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "No instance may answer for its credentials without a token, nor over two hops."
  }

  assert {
    condition     = tolist(aws_launch_template.node.vpc_security_group_ids) == tolist(["sg-nodes"])
    error_message = "Nodes are in our group alone: in EKS's own everyone reaches everyone."
  }

  assert {
    condition     = length(aws_ecr_repository.this) == 9 && alltrue([for one in aws_ecr_repository.this : one.image_tag_mutability == "IMMUTABLE" && one.image_scanning_configuration[0].scan_on_push])
    error_message = "Each image has a repository that scans what is pushed and never lets a tag change."
  }

  assert {
    condition     = endswith(jsondecode(aws_ecs_task_definition.analytics["analytics-worker"].container_definitions)[0].image, "cloudcafe/analytics-worker:a1")
    error_message = "The Fargate service runs the image whose tag was given."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.analytics["analytics-worker"].container_definitions)[0].readonlyRootFilesystem
    error_message = "The container's root is read-only, as in Kubernetes."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.spare["loyalty"].user_data), "cloudcafe/loyalty:b2") && aws_autoscaling_group.spare["loyalty"].warm_pool[0].pool_state == "Stopped"
    error_message = "The spares run the loyalty image and wait stopped."
  }

  assert {
    condition = [for hook in aws_autoscaling_group.spare["loyalty"].initial_lifecycle_hook : [hook.lifecycle_transition, hook.default_result]] == [
      ["autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"]
    ]
    error_message = "A spare is stopped for the pool while its user data still runs, which never runs again."
  }

  assert {
    condition = alltrue([for part in [
      # at each start, so also when it leaves the pool, and after the service answers
      "ExecStartPost=/usr/local/bin/loyalty-answers\nExecStartPost=/usr/local/bin/loyalty-join register-targets\n#",
      "ExecStartPost=-/usr/local/bin/loyalty-launched\n",
      "--auto-scaling-group-name '${aws_autoscaling_group.spare["loyalty"].name}'",
      "--lifecycle-hook-name '${one(aws_autoscaling_group.spare["loyalty"].initial_lifecycle_hook).name}'",
    ] : strcontains(base64decode(aws_launch_template.spare["loyalty"].user_data), part)])
    error_message = "Nobody completes the hook, and each spare is thrown away after ten minutes."
  }

  assert {
    condition = [
      for one in jsondecode(aws_iam_role_policy.spare.policy).Statement : flatten([one.Resource])
      if contains(flatten([one.Action]), "autoscaling:CompleteLifecycleAction")
    ] == [["arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/cloudcafe-loyalty-spare"]]
    error_message = "A spare may complete the hook of its own group."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.spare["loyalty"].user_data), "rediss+cluster://$user:$password@memorydb.example:6379/0")
    error_message = "The spares ask the cluster which of its nodes is the primary."
  }

  assert {
    condition     = aws_ecs_service.analytics["analytics-worker"].tags["cloudcafe.dev/service"] == "cloudcafe/analytics-worker" && contains(aws_autoscaling_group.spare["loyalty"].tag[*].value, "cloudcafe/loyalty")
    error_message = "Tasks and spares count as members of the service with which they serve."
  }

  assert {
    condition = contains([
      for one in jsondecode(aws_iam_role_policy.analytics.policy).Statement : try(tostring(one.Resource), one.Resource[0]) if one.Sid == "Secrets"
    ], "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redshift")
    error_message = "The worker itself reads the warehouse's password again when AWS has rotated it."
  }

  assert {
    condition = [
      for one in jsondecode(aws_iam_role_policy.analytics_start.policy).Statement : setsubtract(flatten([one.Resource]), [aws_ecr_repository.this["analytics-worker"].arn])
      if contains(flatten([one.Action]), "ecr:BatchGetImage")
    ] == [toset(["arn:aws:ecr:eu-west-1:694911143906:repository/aws-guardduty-agent-fargate"])]
    error_message = "GuardDuty's agent is pulled with the task's own execution role, and without it nothing watches the task."
  }

  assert {
    condition     = output.analytics_host == "analytics-worker.cloudcafe.internal"
    error_message = "The chart's alias needs the analytics worker's name."
  }

  assert {
    condition     = !contains(aws_autoscaling_group.spare["loyalty"].tag[*].key, "cloudcafe.dev/chaos") && !contains(keys(aws_ecs_service.analytics["analytics-worker"].tags), "cloudcafe.dev/chaos")
    error_message = "Nothing may be broken unless chaos is allowed."
  }
}

run "without_images_runs_nothing_outside_of_kubernetes" {
  command = plan

  variables {
    image_tags    = {}
    chaos_allowed = true
    cluster = {
      authorised_arns = { ops = "arn:aws:iam::111122223333:role/ops" }
      public_cidrs    = ["203.0.113.0/24"]
      pod_logs        = true
    }
  }

  assert {
    condition     = length(aws_ecs_service.analytics) == 0 && length(aws_autoscaling_group.spare) == 0
    error_message = "A service whose image is not there yet would only fail to start."
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && contains(keys(aws_eks_addon.later), "amazon-cloudwatch-observability")
    error_message = "public_cidrs and pod_logs do nothing."
  }

  assert {
    condition     = aws_eks_node_group.this.tags["cloudcafe.dev/chaos"] == "allowed"
    error_message = "Nodes consent to chaos where it is allowed."
  }
}
