variable "name" {
  description = "What all names begin with."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name: 3 to 22 lower-case letters, digits and dashes; load balancers and roles append to it."
  }
}

variable "cluster_name" {
  description = "The EKS cluster whose pods get the roles."
  type        = string
}

variable "namespace" {
  description = "The Kubernetes namespace of the chart."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace: 1 to 63 lower-case letters, digits and dashes."
  }
}

variable "resource_arns" {
  description = "ARNs of the tables, streams and queues by their names, as the services' statements name them."
  type        = map(string)

  validation {
    condition     = alltrue([for arn in values(var.resource_arns) : startswith(arn, "arn:")])
    error_message = "resource_arns: full ARNs, by name."
  }
}

variable "kms_key_arns" {
  description = "Keys per data class: data for the service token, messages for queues and streams."
  type = object({
    data     = string
    messages = string
  })
}

variable "secret_arns" {
  description = "Secrets that become Kubernetes Secrets; External Secrets may read these and no others."
  type        = list(string)
  default     = []
}

variable "target_group_arns" {
  description = "Target groups into which the load balancer controller puts the pods' addresses."
  type        = list(string)
  default     = []
}

variable "chaos_allowed" {
  description = "Whether experiments may be run, and so whether there is a role for the Fault Injection Service."
  type        = bool
  default     = false
}

variable "fis_service_linked_role" {
  description = "Whether AWSServiceRoleForFIS is made where experiments are allowed: false where the account has it already, as AWS refuses a second one."
  type        = bool
  default     = true
}

variable "recovery_days" {
  description = "How long a deleted service token can be brought back; 0 deletes at once."
  type        = number
  default     = 7

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days: 0, or 7 to 30."
  }
}

variable "token_version" {
  description = "Count up to make a new service token: then restart the services."
  type        = number
  default     = 1

  validation {
    condition     = var.token_version >= 1 && floor(var.token_version) == var.token_version
    error_message = "token_version: a whole number from 1."
  }
}
