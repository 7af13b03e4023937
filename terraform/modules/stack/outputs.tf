output "chart_values" {
  description = "What `cafectl values` makes the chart's values of."
  value = {
    region          = data.aws_region.current.region
    registry        = module.compute.registry
    image_tags      = var.image_tags
    data_tier_cidrs = module.networking.database_subnet_cidrs
    vpc_cidr        = module.networking.vpc_cidr
    aurora = {
      host = module.databases.aurora_endpoint
      port = module.databases.aurora_port
      name = module.databases.aurora_database
    }
    redshift = {
      host = module.databases.redshift_endpoint
      port = module.databases.redshift_port
      name = module.databases.redshift_database
    }
    ports = {
      documentdb  = module.databases.documentdb_port
      elasticache = module.caching.port
      memorydb    = module.caching.port
    }
    payment_provider_url = var.payment_provider_url
    size                 = var.profile.pods
    operators            = 2
    elsewhere = {
      analytics-worker = { host = module.compute.analytics_host, cidrs = module.networking.private_subnet_cidrs }
    }
    consumed_elsewhere = ["payment-processor"]
  }
}

output "deploy" {
  description = "What `make deploy` needs beside the chart's values."
  value = {
    cluster           = module.compute.cluster_name
    vpc_id            = module.networking.vpc_id
    registry          = module.compute.registry
    repositories      = module.compute.repository_urls
    token_secret      = module.operator_access.service_token_secret_arn
    target_groups     = module.loadbalancing.target_group_arns
    bucket            = module.frontend.bucket
    distribution_id   = module.frontend.distribution_id
    ecs_cluster       = module.compute.ecs_cluster_name
    analytics_task    = module.compute.analytics_task_definition
    analytics_subnets = module.networking.private_subnet_ids
    analytics_group   = module.networking.security_group_ids["analytics-worker"]
    secrets           = local.store_secrets
    endpoints = {
      documentdb  = "${module.databases.documentdb_endpoint}:${module.databases.documentdb_port}"
      elasticache = "${module.caching.elasticache_endpoint}:${module.caching.port}"
      memorydb    = "${module.caching.memorydb_endpoint}:${module.caching.port}"
    }
  }
}

output "urls" {
  description = "Where customers, tills, staff and the card provider find the cafe."
  value = {
    customers = module.frontend.url
    tills     = module.loadbalancing.tills_url
    boards    = module.loadbalancing.boards_url
    callback  = module.serverless.callback_url
  }
}

output "alarm_topic_arn" {
  description = "The topic to which alarms and the budget speak."
  value       = module.observability.topic_arn
}

output "fis_role_arn" {
  description = "What the fault kinesisThrottle hands over to AWS's Fault Injection Service; null where no experiments are allowed."
  value       = module.operator_access.fis_role_arn
}
