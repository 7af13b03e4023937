variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen."
  }
}

variable "kms_key_arns" {
  description = "Keys per data class, from the security module; recovery points lie under `data`."
  type        = object({ data = string, messages = string, logs = string })

  validation {
    condition     = alltrue([for arn in values(var.kms_key_arns) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "kms_key_arns must be ARNs of KMS keys: a vault keeps no alias."
  }
}

variable "copy_region" {
  description = "The second Region, to which recovery points are copied."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-[0-9]$", var.copy_region))
    error_message = "copy_region must be a Region such as eu-central-1."
  }

  validation {
    condition     = !can(regex(":kms:${var.copy_region}:", var.kms_key_arns.data))
    error_message = "copy_region must be another Region than that of the stores: a copy beside the original goes with it."
  }
}

variable "retention_days" {
  description = "How long the recovery points of each day, week and month are kept, and the copies of each in the second Region."
  type = object({
    daily   = optional(number, 14)
    weekly  = optional(number, 35)
    monthly = optional(number, 365)
    copy    = optional(number, 35)
  })
  default = {}

  validation {
    condition     = 1 <= var.retention_days.daily && var.retention_days.daily <= var.retention_days.weekly && var.retention_days.weekly <= var.retention_days.monthly && var.retention_days.monthly <= 36500
    error_message = "retention_days must be 1 <= daily <= weekly <= monthly <= 36500."
  }

  validation {
    condition     = var.retention_days.copy >= 1 && var.retention_days.copy <= 36500
    error_message = "retention_days.copy must be 1 to 36500."
  }
}

variable "lock" {
  description = <<-EOT
    Bounds within which recovery points may be kept: a job outside them fails. With changeable_for_days, the lock closes for ever after
    that many days, and then nobody, the account's root included, can delete a recovery point before its time: for prod, and on purpose.
  EOT
  type = object({
    min_days            = optional(number, 1)
    max_days            = optional(number, 400)
    changeable_for_days = optional(number)
  })
  default = {}

  validation {
    condition     = var.lock.min_days >= 1 && var.lock.min_days <= var.lock.max_days && var.lock.max_days <= 36500
    error_message = "lock must be 1 <= min_days <= max_days <= 36500."
  }

  validation {
    condition     = var.lock.changeable_for_days == null ? true : var.lock.changeable_for_days >= 3 && var.lock.changeable_for_days <= 36500
    error_message = "lock.changeable_for_days must be 3 or more: AWS gives three days at least to think better of it."
  }
}

variable "vault_force_destroy" {
  description = "Whether a destroy also deletes the recovery points. Never where they matter."
  type        = bool
  default     = false

  validation {
    condition     = !(var.vault_force_destroy && var.lock.changeable_for_days != null)
    error_message = "vault_force_destroy contradicts lock.changeable_for_days: a closed lock lets nobody delete."
  }
}

variable "manage_region_settings" {
  description = "Whether this stack opts the account's Region in to the types of store that it backs up. False where another stack does."
  type        = bool
  default     = true
}

variable "restore_testing" {
  description = "When the newest recovery points are restored for trial, and how many hours the trial may be looked at before AWS deletes it."
  type = object({
    schedule       = optional(string, "cron(0 5 ? * SUN *)")
    start_hours    = optional(number, 4)
    window_days    = optional(number, 7)
    validate_hours = optional(number, 4)
  })
  default = {}

  validation {
    condition     = can(regex("^cron\\(([^ ]+ ){5}[^ ]+\\)$", var.restore_testing.schedule))
    error_message = "restore_testing.schedule must be cron(…) with six fields."
  }

  validation {
    condition     = var.restore_testing.start_hours >= 1 && var.restore_testing.start_hours <= 168 && var.restore_testing.validate_hours >= 1 && var.restore_testing.validate_hours <= 168
    error_message = "restore_testing.start_hours and validate_hours must be 1 to 168 (a week)."
  }

  validation {
    condition     = var.restore_testing.window_days >= 1 && var.restore_testing.window_days <= 365
    error_message = "restore_testing.window_days must be 1 to 365."
  }
}
