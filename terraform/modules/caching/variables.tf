variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){2,24}$", var.name)) && length(var.name) <= 25
    error_message = "name must be 3 to 25 lower-case letters, digits and single hyphens, beginning with a letter: a user of MemoryDB and a replication group have 40 characters with what is added."
  }
}

variable "chaos_allowed" {
  description = "Whether experiments may break the caches (tags them cloudcafe.dev/chaos = allowed)."
  type        = bool
  default     = false
}

variable "database_subnet_ids" {
  description = "Subnets without a way to the internet, one in each Availability Zone."
  type        = list(string)

  validation {
    condition     = length(distinct(var.database_subnet_ids)) >= 2
    error_message = "database_subnet_ids must be at least two: what fails over needs another Availability Zone."
  }
}

variable "security_group_ids" {
  description = "Security group of each cache, from the networking module, which says who reaches it."
  type        = object({ elasticache = string, memorydb = string })

  validation {
    condition     = alltrue([for id in values(var.security_group_ids) : startswith(id, "sg-")])
    error_message = "security_group_ids must be ids of security groups (sg-…)."
  }
}

variable "kms_key_arns" {
  description = "Keys per data class, from the security module; caches and passwords lie under `data`, logs under `logs`."
  type        = object({ data = string, messages = string, logs = string })

  validation {
    condition     = alltrue([for arn in values(var.kms_key_arns) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "kms_key_arns must be ARNs of KMS keys: ElastiCache and MemoryDB refuse an alias."
  }
}

variable "log_retention_days" {
  description = "How long the caches' logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …)."
  }
}

variable "password_version" {
  description = "Raise it by one, and both caches get new passwords. Clients of the old ones stay connected, and fail when they connect anew, until they have the new secret."
  type        = number
  default     = 1

  validation {
    condition     = var.password_version >= 1 && floor(var.password_version) == var.password_version
    error_message = "password_version must be a whole number from 1."
  }
}

variable "secret_recovery_days" {
  description = "How long a deleted secret can be brought back. 0 frees its name at once, which a stack that is made and destroyed daily needs."
  type        = number
  default     = 7

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days must be 0, or 7 to 30."
  }
}

variable "elasticache" {
  description = "The menus' cache: one primary, and replicas in other Availability Zones."
  type = object({
    node_type      = optional(string, "cache.t4g.small")
    engine_version = optional(string, "8.0")
    nodes          = optional(number, 2)
    snapshot_days  = optional(number, 1)
  })
  default = {}

  validation {
    condition     = can(regex("^cache\\.(t3|t4g|m[5-7]g?|r[5-7]g?|c7gn)\\.[a-z0-9]+$", var.elasticache.node_type))
    error_message = "elasticache.node_type must be a node of ElastiCache (cache.t4g.small, cache.r7g.large, …)."
  }

  validation {
    condition     = contains(["7.2", "8.0", "8.1"], var.elasticache.engine_version)
    error_message = "elasticache.engine_version must be a Valkey: 7.2, 8.0 or 8.1."
  }

  validation {
    condition     = var.elasticache.nodes >= 2 && var.elasticache.nodes <= 6 && floor(var.elasticache.nodes) == var.elasticache.nodes
    error_message = "elasticache.nodes must be 2 to 6: multi-AZ needs a replica, and a primary has five at most."
  }

  validation {
    condition     = var.elasticache.snapshot_days >= 0 && var.elasticache.snapshot_days <= 35
    error_message = "elasticache.snapshot_days must be 0 (none) to 35."
  }
}

variable "memorydb" {
  description = "The loyalty points' store: one shard, and replicas that take over."
  type = object({
    node_type           = optional(string, "db.t4g.small")
    engine_version      = optional(string, "7.2")
    replicas            = optional(number, 1)
    snapshot_days       = optional(number, 7)
    deletion_protection = optional(bool, true)
  })
  default = {}

  validation {
    condition     = can(regex("^db\\.(t4g|r6g|r6gd|r7g)\\.[a-z0-9]+$", var.memorydb.node_type))
    error_message = "memorydb.node_type must be a node of MemoryDB: db.t4g, r6g, r6gd or r7g."
  }

  validation {
    condition     = contains(["7.2", "7.3"], var.memorydb.engine_version)
    error_message = "memorydb.engine_version must be a Valkey that MemoryDB runs: 7.2 or 7.3."
  }

  validation {
    condition     = var.memorydb.replicas >= 1 && var.memorydb.replicas <= 5 && floor(var.memorydb.replicas) == var.memorydb.replicas
    error_message = "memorydb.replicas must be 1 to 5: without a replica a failed node is away for minutes."
  }

  validation {
    condition     = var.memorydb.snapshot_days >= 0 && var.memorydb.snapshot_days <= 35
    error_message = "memorydb.snapshot_days must be 0 (none) to 35."
  }

  validation {
    condition     = !var.memorydb.deletion_protection || var.memorydb.snapshot_days >= 1
    error_message = "A protected memorydb keeps snapshots for a day at least: the points are money."
  }
}
