variable "name" {
  description = "Prefix of every name, and the name of the Aurora and the Redshift cluster; the services look for tables that begin with it."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){2,31}$", var.name)) && length(var.name) <= 32
    error_message = "name must be 3 to 32 lower-case letters, digits and single hyphens, beginning with a letter: RDS refuses more, and after minutes."
  }
}

variable "chaos_allowed" {
  description = "Whether experiments may break the stores (tags them cloudcafe.dev/chaos = allowed)."
  type        = bool
  default     = false
}

variable "database_subnet_ids" {
  description = "Subnets without a way to the internet, one in each Availability Zone."
  type        = list(string)

  validation {
    condition     = length(distinct(var.database_subnet_ids)) >= 2
    error_message = "database_subnet_ids must be at least two: a subnet group of RDS, DocumentDB and Redshift spans two Availability Zones or more."
  }
}

variable "security_group_ids" {
  description = "Security group of each store, from the networking module, which says who reaches it."
  type        = object({ aurora = string, documentdb = string, redshift = string })

  validation {
    condition     = alltrue([for id in values(var.security_group_ids) : startswith(id, "sg-")])
    error_message = "security_group_ids must be ids of security groups (sg-…)."
  }
}

variable "kms_key_arns" {
  description = "Keys per data class, from the security module; the stores and their passwords lie under `data`, their logs under `logs`."
  type        = object({ data = string, messages = string, logs = string })

  validation {
    condition     = alltrue([for arn in values(var.kms_key_arns) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "kms_key_arns must be ARNs of KMS keys: RDS and Redshift refuse an alias."
  }
}

variable "log_retention_days" {
  description = "How long the stores' logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of the periods that CloudWatch Logs knows (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …)."
  }
}

variable "aurora" {
  description = "The orders' PostgreSQL. Capacity is in ACU (2 GiB of memory each) for each instance."
  type = object({
    engine_version      = optional(string, "16")
    min_acu             = optional(number, 0.5)
    max_acu             = optional(number, 8)
    instances           = optional(number, 2)
    max_readers         = optional(number, 4)
    reader_cpu_percent  = optional(number, 60)
    backup_days         = optional(number, 14)
    deletion_protection = optional(bool, true)
    availability_zones  = optional(list(string))
  })
  default = {}

  validation {
    condition     = can(regex("^(15|16|17)(\\.[0-9]+)?$", var.aurora.engine_version))
    error_message = "aurora.engine_version must be 15, 16 or 17 (AWS upgrades its minors), or one minor of them that stays (16.8)."
  }

  validation {
    condition = (
      var.aurora.min_acu >= 0.5 && var.aurora.max_acu <= 256 && var.aurora.max_acu >= max(1, var.aurora.min_acu) &&
      var.aurora.min_acu * 2 == floor(var.aurora.min_acu * 2) && var.aurora.max_acu * 2 == floor(var.aurora.max_acu * 2)
    )
    error_message = "aurora.min_acu and max_acu must be steps of 0.5 with 0.5 <= min_acu <= max_acu and 1 <= max_acu <= 256. 0 would let the writer pause, and the first order wait 15 s for it."
  }

  validation {
    condition     = var.aurora.instances >= 2 && var.aurora.instances <= 15 && floor(var.aurora.instances) == var.aurora.instances
    error_message = "aurora.instances must be 2 to 15: with one there is nothing to fail over to."
  }

  validation {
    condition     = var.aurora.max_readers >= var.aurora.instances - 1 && var.aurora.max_readers <= 15
    error_message = "aurora.max_readers must be at least the readers that always run (instances - 1), and at most 15."
  }

  validation {
    condition     = var.aurora.reader_cpu_percent >= 20 && var.aurora.reader_cpu_percent <= 90
    error_message = "aurora.reader_cpu_percent must be 20 to 90: a new reader takes minutes, so the others need room."
  }

  validation {
    condition     = var.aurora.backup_days >= 1 && var.aurora.backup_days <= 35
    error_message = "aurora.backup_days must be 1 to 35."
  }

  validation {
    condition     = var.aurora.availability_zones == null ? true : length(distinct(var.aurora.availability_zones)) >= 2
    error_message = "aurora.availability_zones must be at least two, or left out: then RDS chooses."
  }
}

variable "dynamodb" {
  description = <<-EOT
    The tables, by what follows the prefix, and the capacity within which each table and its index scale by themselves.
    All have the keys pk and sk, and the index `ledger` by which the books are read.
  EOT
  type = object({
    tables = optional(map(object({ ttl_attribute = optional(string) })), {
      inventory = { ttl_attribute = "expiresAt" }
      orders    = {}
      payments  = {}
    })
    read                = optional(object({ min = optional(number, 25), max = optional(number, 4000) }), {})
    write               = optional(object({ min = optional(number, 25), max = optional(number, 4000) }), {})
    target_percent      = optional(number, 70)
    recovery_days       = optional(number, 35)
    deletion_protection = optional(bool, true)
  })
  default = {}

  validation {
    condition     = alltrue([for table in ["inventory", "orders", "payments"] : contains(keys(var.dynamodb.tables), table)])
    error_message = "dynamodb.tables must have inventory, orders and payments: the services do not start without them."
  }

  validation {
    condition     = alltrue([for table in keys(var.dynamodb.tables) : can(regex("^[a-z][a-z0-9-]*$", table))])
    error_message = "dynamodb.tables are named without prefix in lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for range in [var.dynamodb.read, var.dynamodb.write] : range.min >= 1 && range.min <= range.max && range.max <= 40000])
    error_message = "dynamodb.read and write must be 1 <= min <= max <= 40000 (a table's first quota)."
  }

  validation {
    condition     = var.dynamodb.target_percent >= 20 && var.dynamodb.target_percent <= 90
    error_message = "dynamodb.target_percent must be 20 to 90: DynamoDB refuses others."
  }

  validation {
    condition     = var.dynamodb.recovery_days >= 1 && var.dynamodb.recovery_days <= 35
    error_message = "dynamodb.recovery_days must be 1 to 35."
  }
}

variable "documentdb" {
  description = "The menus' DocumentDB."
  type = object({
    instance_class      = optional(string, "db.t4g.medium")
    instances           = optional(number, 2)
    backup_days         = optional(number, 14)
    deletion_protection = optional(bool, true)
  })
  default = {}

  validation {
    condition     = can(regex("^db\\.(t3|t4g|r5|r6g|r6gd|r8g)\\.[a-z0-9]+$", var.documentdb.instance_class))
    error_message = "documentdb.instance_class must be of a family that DocumentDB 5.0 runs on: t3, t4g, r5, r6g, r6gd or r8g."
  }

  validation {
    condition     = var.documentdb.instances >= 1 && var.documentdb.instances <= 16 && floor(var.documentdb.instances) == var.documentdb.instances
    error_message = "documentdb.instances must be 1 to 16."
  }

  validation {
    condition     = !var.documentdb.deletion_protection || var.documentdb.instances >= 2
    error_message = "A protected documentdb needs two instances or more: what must not be deleted must not fall with one Availability Zone either."
  }

  validation {
    condition     = var.documentdb.backup_days >= 1 && var.documentdb.backup_days <= 35
    error_message = "documentdb.backup_days must be 1 to 35."
  }
}

variable "redshift" {
  description = "The analytics' warehouse. With snapshot_copy, its snapshots are copied to another Region, under a key of that Region."
  type = object({
    node_type           = optional(string, "ra3.large")
    nodes               = optional(number, 1)
    backup_days         = optional(number, 14)
    deletion_protection = optional(bool, true)
    snapshot_copy = optional(object({
      region         = string
      kms_key_arn    = string
      retention_days = optional(number, 7)
    }))
  })
  default = {}

  validation {
    condition     = can(regex("^ra3\\.(large|xlplus|4xlarge|16xlarge)$", var.redshift.node_type))
    error_message = "redshift.node_type must be ra3.large, ra3.xlplus, ra3.4xlarge or ra3.16xlarge: dc2 is no longer sold, and only ra3 moves to another Availability Zone."
  }

  validation {
    condition     = var.redshift.nodes >= (can(regex("^ra3\\.(4|16)xlarge$", var.redshift.node_type)) ? 2 : 1) && var.redshift.nodes <= 16
    error_message = "redshift.nodes must be 1 to 16, and at least 2 of ra3.4xlarge and ra3.16xlarge."
  }

  validation {
    condition     = var.redshift.backup_days >= 1 && var.redshift.backup_days <= 35
    error_message = "redshift.backup_days must be 1 to 35: ra3 cannot be without snapshots."
  }

  validation {
    condition = var.redshift.snapshot_copy == null ? true : (
      can(regex("^arn:[a-z-]+:kms:${var.redshift.snapshot_copy.region}:[0-9]{12}:key/.+$", var.redshift.snapshot_copy.kms_key_arn)) &&
      var.redshift.snapshot_copy.retention_days >= 1 && var.redshift.snapshot_copy.retention_days <= 35
    )
    error_message = "redshift.snapshot_copy needs a KMS key of the Region to which it copies, and 1 to 35 days of retention."
  }
}
