# The whole cafe on AWS: which module gets what from which. The environments differ in sizes and
# guards alone (envs/dev, envs/prod), never in what there is or who talks to whom.

data "aws_region" "current" {}

locals {
  # literal in the services' and the operator's code, and in the chart
  name = "cloudcafe"

  payments_queue      = "${local.name}-payments.fifo"
  visibility_seconds  = 300
  recovery_days       = var.protected ? 30 : 0
  dynamodb_tables     = { for key, name in module.databases.dynamodb_table_names : name => module.databases.dynamodb_table_arns[key] }
  order_path_resource = merge(local.dynamodb_tables, module.messaging.queue_arns, module.messaging.stream_arns)
}

module "security" {
  source = "../security"

  name               = local.name
  domain             = var.domain
  hosted_zone_id     = var.hosted_zone_id
  key_deletion_days  = var.protected ? 30 : 7
  log_retention_days = var.profile.log_days
  trail              = { enabled = var.account_guards }
  guardduty          = { enabled = var.account_guards }
  force_destroy      = !var.protected
}

module "networking" {
  source = "../networking"

  name                    = local.name
  cidr                    = var.cidr
  azs                     = var.azs
  nat_per_az              = var.profile.nat_per_az
  interface_endpoints     = var.profile.interface_endpoints
  till_cidrs              = var.till_cidrs
  flow_log_retention_days = var.profile.log_days
  kms_key_arns            = module.security.kms_key_arns
  chaos_allowed           = var.chaos_allowed
}

module "databases" {
  source = "../databases"

  name                = local.name
  database_subnet_ids = module.networking.database_subnet_ids
  security_group_ids  = module.networking.security_group_ids
  kms_key_arns        = module.security.kms_key_arns
  log_retention_days  = var.profile.log_days
  chaos_allowed       = var.chaos_allowed
  aurora              = merge(var.profile.aurora, { deletion_protection = var.protected })
  dynamodb            = merge(var.profile.dynamodb, { deletion_protection = var.protected })
  documentdb          = merge(var.profile.documentdb, { deletion_protection = var.protected })
  redshift = merge(var.profile.redshift, {
    deletion_protection = var.protected
    # AWS Backup copies no snapshot of Redshift: it does so itself, under the key of the copies
    snapshot_copy = var.protected ? { region = var.backup_region, kms_key_arn = module.backup.copy_kms_key_arn } : null
  })
}

module "caching" {
  source = "../caching"

  name                 = local.name
  database_subnet_ids  = module.networking.database_subnet_ids
  security_group_ids   = module.networking.security_group_ids
  kms_key_arns         = module.security.kms_key_arns
  log_retention_days   = var.profile.log_days
  secret_recovery_days = local.recovery_days
  chaos_allowed        = var.chaos_allowed
  elasticache          = var.profile.elasticache
  memorydb             = merge(var.profile.memorydb, { deletion_protection = var.protected })
}

module "messaging" {
  source = "../messaging"

  name                           = local.name
  kms_key_arns                   = module.security.kms_key_arns
  payment_lambda_timeout_seconds = var.profile.function.timeout_seconds
  stream_capacity                = var.profile.streams
  chaos_allowed                  = var.chaos_allowed

  fifo_queues = {
    payments        = { visibility_timeout_seconds = local.visibility_seconds }
    payment-results = {}
  }
}

module "loadbalancing" {
  source = "../loadbalancing"

  name                = local.name
  vpc_id              = module.networking.vpc_id
  private_subnet_ids  = module.networking.private_subnet_ids
  public_subnet_ids   = module.networking.public_subnet_ids
  security_group_ids  = { for door in ["alb", "alb-lattice", "nlb"] : door => module.networking.security_group_ids[door] }
  domain              = var.domain
  hosted_zone_id      = var.hosted_zone_id
  certificate_arn     = module.security.certificate_arn
  web_acl_arn         = module.security.web_acl_arns["regional"]
  order_role_arns     = [module.operator_access.role_arns["order"]]
  log_retention_days  = var.profile.log_days
  kms_key_arns        = module.security.kms_key_arns
  deletion_protection = var.protected
  force_destroy       = !var.protected
  chaos_allowed       = var.chaos_allowed
}

module "frontend" {
  source = "../frontend"

  name            = local.name
  domain          = var.domain
  hosted_zone_id  = var.hosted_zone_id
  certificate_arn = module.security.cloudfront_certificate_arn
  web_acl_arn     = module.security.web_acl_arns["cloudfront"]
  alb_arn         = module.loadbalancing.alb_arn
  alb_dns_name    = module.loadbalancing.alb_dns_name
  kms_key_arns    = module.security.kms_key_arns
  force_destroy   = !var.protected
}

module "operator_access" {
  source = "../operator-access"

  name              = local.name
  cluster_name      = module.compute.cluster_name
  resource_arns     = local.order_path_resource
  kms_key_arns      = module.security.kms_key_arns
  secret_arns       = values(local.store_secrets)
  target_group_arns = values(module.loadbalancing.target_group_arns)
  recovery_days     = local.recovery_days
  chaos_allowed     = var.chaos_allowed

  fis_service_linked_role = var.fis_service_linked_role
}

locals {
  store_secrets = {
    aurora      = module.databases.aurora_secret_arn
    documentdb  = module.databases.documentdb_secret_arn
    redshift    = module.databases.redshift_secret_arn
    elasticache = module.caching.elasticache_secret_arn
    memorydb    = module.caching.memorydb_secret_arn
  }
}

module "compute" {
  source = "../compute"

  name               = local.name
  vpc_id             = module.networking.vpc_id
  private_subnet_ids = module.networking.private_subnet_ids
  security_group_ids = {
    for name in ["nodes", "control-plane", "analytics-worker", "loyalty"] : name => module.networking.security_group_ids[name]
  }
  kms_key_arns             = module.security.kms_key_arns
  log_retention_days       = var.profile.log_days
  chaos_allowed            = var.chaos_allowed
  nodes                    = var.profile.nodes
  image_tags               = var.image_tags
  repositories_deletable   = !var.protected
  service_token_secret_arn = module.operator_access.service_token_secret_arn

  cluster = {
    public_cidrs    = var.kubernetes_cidrs
    deletion_guard  = var.protected
    pod_logs        = var.profile.pod_logs
    authorised_arns = var.administrators
  }

  analytics = merge(var.profile.analytics, {
    policy_arn  = module.operator_access.service_policy_arns["analytics-worker"]
    secret_arns = [local.store_secrets.redshift]
    environment = {
      CAFE_REDSHIFT_HOST = module.databases.redshift_endpoint
      CAFE_REDSHIFT_PORT = tostring(module.databases.redshift_port)
      CAFE_REDSHIFT_NAME = module.databases.redshift_database
      # asked again for new connections: the secrets below are read when a task starts
      CAFE_REDSHIFT_SECRET = local.store_secrets.redshift
    }
    secrets = {
      CAFE_REDSHIFT_USER     = "${local.store_secrets.redshift}:username::"
      CAFE_REDSHIFT_PASSWORD = "${local.store_secrets.redshift}:password::"
    }
  })

  spares = merge(var.profile.spares, {
    memorydb_endpoint = module.caching.memorydb_endpoint
    memorydb_secret   = local.store_secrets.memorydb
    policy_arn        = module.operator_access.service_policy_arns["loyalty"]
    target_group_arn  = module.loadbalancing.target_group_arns["loyalty"]
  })
}

module "serverless" {
  source = "../serverless"

  name                     = local.name
  package_path             = var.package_path
  subnet_ids               = module.networking.private_subnet_ids
  security_group_id        = module.networking.security_group_ids["payment-processor"]
  kms_key_arns             = module.security.kms_key_arns
  log_retention_days       = var.profile.log_days
  function                 = var.profile.function
  service_policy_arn       = module.operator_access.service_policy_arns["payment-processor"]
  service_token_secret_arn = module.operator_access.service_token_secret_arn
  provider_key_secret_arn  = var.provider_key_secret_arn
  payment_provider_url     = var.payment_provider_url
  chaos_allowed            = var.chaos_allowed

  payments_queue = {
    arn                        = module.messaging.queue_arns[local.payments_queue]
    visibility_timeout_seconds = local.visibility_seconds
  }
}

module "observability" {
  source = "../observability"

  name                    = local.name
  kms_key_arns            = module.security.kms_key_arns
  emails                  = var.emails
  queue_names             = [local.payments_queue, "${local.name}-payment-results.fifo"]
  dead_letter_queue_names = module.messaging.dead_letter_queue_names
  stream_names            = keys(module.messaging.stream_names)
  table_names             = values(module.databases.dynamodb_table_names)
  aurora_cluster_id       = module.databases.aurora_cluster_id
  memorydb_cluster_name   = module.caching.memorydb_cluster_name
  load_balancer           = { arn_suffix = module.loadbalancing.alb_arn_suffix }
  function_name           = module.serverless.function_name
  budget                  = var.budget
}

module "backup" {
  source = "../backup"

  name                = local.name
  kms_key_arns        = module.security.kms_key_arns
  copy_region         = var.backup_region
  vault_force_destroy = !var.protected
}
