variable "cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/16"
}

variable "azs" {
  description = "The three availability zones."
  type        = list(string)
}

variable "domain" {
  description = "The cafe's domain."
  type        = string
}

variable "hosted_zone_id" {
  description = "Route 53 hosted zone in which the domain lies."
  type        = string
}

variable "backup_region" {
  description = "Where backups are copied to."
  type        = string
}

variable "till_cidrs" {
  description = "Networks of the stores' tills."
  type        = list(string)
  default     = []
}

variable "kubernetes_cidrs" {
  description = "Networks outside of the VPC from which the API server may be reached; none, it is private."
  type        = list(string)
  default     = []
}

variable "administrators" {
  description = "Roles that administer the cluster, by a name of one's own."
  type        = map(string)
}

variable "emails" {
  description = "Who is told of alarms."
  type        = set(string)
  default     = []
}

variable "budget" {
  description = "US dollars a month."
  type        = number
}

variable "payment_provider_url" {
  description = "The card provider's API."
  type        = string
}

variable "provider_key_secret_arn" {
  description = "The secret with the merchant's key; empty, the service token is it."
  type        = string
  default     = ""
}

variable "package_path" {
  description = "The payment processor's zip, made by `python -m dev.terraform.lambda_zip`."
  type        = string
}

variable "image_tags" {
  description = "Tags of the images that have been pushed."
  type        = map(string)
  default     = {}
}

variable "chaos_allowed" {
  description = "Whether experiments may break what is here."
  type        = bool
}

variable "protected" {
  description = "Deletion protection everywhere, and nothing that holds data goes with `destroy`."
  type        = bool
}

variable "account_guards" {
  description = "Whether this environment makes the account's CloudTrail and GuardDuty; one in an account may."
  type        = bool
  default     = true
}

variable "fis_service_linked_role" {
  description = "Whether AWSServiceRoleForFIS is made where chaos is allowed; one in an account may be."
  type        = bool
  default     = true
}

variable "profile" {
  description = "Sizes. Each member is passed to the module of its name, which checks it."
  type = object({
    log_days            = number
    nat_per_az          = bool
    interface_endpoints = set(string)
    pod_logs            = bool
    nodes               = any
    pods = object({
      min_replicas = number
      max_replicas = number
      cpu          = string
      memory       = string
      memory_limit = string
    })
    aurora      = any
    dynamodb    = any
    documentdb  = any
    redshift    = any
    elasticache = any
    memorydb    = any
    streams     = any
    function = object({
      timeout_seconds      = optional(number, 45)
      memory_mib           = optional(number, 512)
      reserved_concurrency = optional(number, 20)
      most_at_once         = optional(number, 10)
    })
    analytics = any
    spares    = any
  })
}
