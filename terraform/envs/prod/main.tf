# Three zones, a NAT gateway in each, readers and replicas for every store, deletion protection on
# all that holds data, and no chaos unless somebody decides so here. docs/terraform.md: its costs.

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

  chaos_allowed = false
  protected     = true
  budget        = 5500

  profile = {
    log_days            = 90
    nat_per_az          = true
    interface_endpoints = ["ecr.api", "ecr.dkr", "eks-auth", "kinesis-streams", "kms", "logs", "monitoring", "secretsmanager", "sqs", "sts"]
    pod_logs            = true
    nodes               = { instance_types = ["m7i.xlarge"], min = 3, max = 9 }
    pods                = { min_replicas = 3, max_replicas = 12, cpu = "250m", memory = "192Mi", memory_limit = "512Mi" }
    aurora              = { min_acu = 2, max_acu = 32, instances = 3, max_readers = 6, backup_days = 35 }
    dynamodb            = { read = { min = 50, max = 10000 }, write = { min = 50, max = 10000 } }
    documentdb          = { instance_class = "db.r6g.large", instances = 3, backup_days = 35 }
    redshift            = { node_type = "ra3.large", nodes = 2, backup_days = 35 }
    elasticache         = { node_type = "cache.r7g.large", nodes = 3, snapshot_days = 7 }
    memorydb            = { node_type = "db.r7g.large", replicas = 2, snapshot_days = 35 }
    streams             = { mode = "ON_DEMAND" }
    function            = { memory_mib = 1024, reserved_concurrency = 100, most_at_once = 50 }
    analytics           = { cpu = 1024, memory = 2048, min = 2, max = 4 }
    spares              = { instance_type = "t3.medium", min = 1, max = 6, warm = 2 }
  }
}
