variable "name" {
  description = "The bucket's name, of which there is one in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "force_destroy" {
  description = "Whether a destroy takes the logs with it."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "The key under which files lie; null, S3's own."
  type        = string
  default     = null
}

variable "days" {
  description = "How long a file is kept."
  type        = number

  validation {
    condition     = var.days >= 1 && floor(var.days) == var.days
    error_message = "days: a whole number from 1."
  }
}

variable "archive_days" {
  description = "After how long a file moves to cheaper storage; null, never."
  type        = number
  default     = null

  validation {
    condition     = var.archive_days == null ? true : var.archive_days < var.days
    error_message = "archive_days: less than `days`, or S3 refuses the rule."
  }
}

variable "writers" {
  description = "What each service may do: its action, on which objects (null: the bucket), and for whom alone."
  type = list(object({
    sid     = string
    service = string
    action  = optional(string, "s3:PutObject")
    objects = optional(string)
    only    = object({ test = string, variable = string, value = string })
  }))

  validation {
    condition     = alltrue([for writer in var.writers : endswith(writer.service, ".amazonaws.com") && !strcontains(writer.action, "*") && startswith(writer.only.variable, "aws:Source")])
    error_message = "writers: services of AWS, one action each, and a condition on aws:SourceArn or aws:SourceAccount, or the service writes for strangers too."
  }
}
