variable "region" {
  description = "The Region of the state."
  type        = string
  default     = "eu-west-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region: such as eu-west-1."
  }
}

variable "bucket" {
  description = "Name of the bucket; unique in all of AWS. Empty: cloudcafe-state-<account>-<region>."
  type        = string
  default     = ""

  validation {
    condition     = var.bucket == "" || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket: 3 to 63 lower-case letters, digits, dots and dashes."
  }
}

variable "keep_days" {
  description = "How long former versions of a state can be brought back."
  type        = number
  default     = 90

  validation {
    condition     = var.keep_days >= 7 && var.keep_days <= 3650
    error_message = "keep_days: 7 to 3650."
  }
}
