# The small profile: everything there is, in the smallest size that still fails over, made and
# destroyed in a day, and open to chaos. docs/terraform.md says what it costs.

module "cafe" {
  source = "../../modules/stack"

  azs                     = [for zone in ["a", "b", "c"] : "${var.region}${zone}"]
  backup_region           = var.backup_region
  domain                  = var.domain
  hosted_zone_id          = var.hosted_zone_id
  payment_provider_url    = var.payment_provider_url
  provider_key_secret_arn = var.provider_key_secret_arn
  administrators          = var.administrators
  kubernetes_cidrs        = var.kubernetes_cidrs
  till_cidrs              = var.till_cidrs
  emails                  = var.emails
  account_guards          = var.account_guards
  fis_service_linked_role = var.fis_service_linked_role
  image_tags              = var.image_tags
  package_path            = var.package_path

  chaos_allowed = true
  protected     = false
  budget        = 1200

  profile = {
    log_days            = 7
    nat_per_az          = false
    interface_endpoints = []
    pod_logs            = false
    nodes               = { instance_types = ["t3.large", "t3a.large"], min = 2, max = 4 }
    pods                = { min_replicas = 2, max_replicas = 4, cpu = "100m", memory = "128Mi", memory_limit = "384Mi" }
    aurora              = { min_acu = 0.5, max_acu = 4, instances = 2, max_readers = 1, backup_days = 1 }
    dynamodb            = { read = { min = 5, max = 500 }, write = { min = 5, max = 500 } }
    documentdb          = { instance_class = "db.t4g.medium", instances = 1, backup_days = 1 }
    redshift            = { node_type = "ra3.large", nodes = 1, backup_days = 1 }
    elasticache         = { node_type = "cache.t4g.micro", nodes = 2 }
    memorydb            = { node_type = "db.t4g.small", replicas = 1, snapshot_days = 1 }
    streams             = { mode = "PROVISIONED", shards = 1 }
    function            = { reserved_concurrency = -1, most_at_once = 5 } # a new account has none to reserve
    analytics           = { min = 2, max = 2 }                            # two, so that the loss of one can be tried
    spares              = { min = 0, max = 2, warm = 1 }
  }
}
