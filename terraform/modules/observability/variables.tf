variable "name" {
  description = "What all names begin with."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name: 3 to 22 lower-case letters, digits and dashes; load balancers and roles append to it."
  }
}

variable "kms_key_arns" {
  description = "Keys per data class: messages for the topic (CloudWatch and Budgets must be allowed to use it), logs for log groups."
  type = object({
    messages = string
    logs     = string
  })
}

variable "emails" {
  description = "Who is written to; each address confirms once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", email))])
    error_message = "emails: addresses such as cafe@example.com."
  }
}

variable "services" {
  description = "Services that publish metrics to the namespace CloudCafe."
  type        = list(string)
  default     = ["order", "menu", "inventory", "loyalty", "payment-processor", "analytics-worker", "storefront"]

  validation {
    condition     = contains(var.services, "order")
    error_message = "services: order must be among them, its alarms are about the order path."
  }
}

variable "queue_names" {
  description = "Queues in which messages must not grow old."
  type        = set(string)
}

variable "dead_letter_queue_names" {
  description = "Queues in which there must be no message at all."
  type        = set(string)
}

variable "stream_names" {
  description = "Kinesis streams."
  type        = set(string)
}

variable "table_names" {
  description = "DynamoDB tables."
  type        = set(string)
}

variable "aurora_cluster_id" {
  description = "The Aurora cluster."
  type        = string
}

variable "memorydb_cluster_name" {
  description = "The MemoryDB cluster."
  type        = string
}

variable "load_balancer" {
  description = "The load balancer as its metrics name it; null without one."
  type        = object({ arn_suffix = string })
  default     = null
}

variable "function_name" {
  description = "The payment processor's function."
  type        = string
}

variable "log_groups" {
  description = "Log groups to make, by name below /<name>/, with how many days they keep."
  type        = map(number)
  default     = { deploy = 90 }

  validation {
    condition     = alltrue([for days in values(var.log_groups) : contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], days)])
    error_message = "log_groups: CloudWatch keeps 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days."
  }
}

variable "limits" {
  description = "When to alarm."
  type = object({
    order_errors_per_minute = optional(number, 5)
    outbox_lag_seconds      = optional(number, 60)
    queue_age_seconds       = optional(number, 300)
    stream_lag_seconds      = optional(number, 120)
    aurora_capacity_percent = optional(number, 85)
    aurora_connections      = optional(number, 800)
    replica_lag_millis      = optional(number, 1000)
    memorydb_memory_percent = optional(number, 75)
    dynamodb_throttles      = optional(number, 10)
  })
  default = {}

  validation {
    condition     = alltrue([for limit in values(var.limits) : limit > 0])
    error_message = "limits: above zero, all of them."
  }

  validation {
    condition     = max(var.limits.aurora_capacity_percent, var.limits.memorydb_memory_percent) <= 100
    error_message = "limits.aurora_capacity_percent and limits.memorydb_memory_percent: at most 100."
  }
}

variable "budget" {
  description = "US dollars a month; at 80 % spent, and at 100 % forecast, the topic tells."
  type        = number

  validation {
    condition     = var.budget >= 10
    error_message = "budget: 10 dollars or more."
  }
}
