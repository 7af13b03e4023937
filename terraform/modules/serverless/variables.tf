variable "name" {
  description = "What all names begin with."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name: 3 to 22 lower-case letters, digits and dashes; load balancers and roles append to it."
  }
}

variable "package_path" {
  description = "The payment processor as a zip, made by `python -m dev.terraform.lambda_zip`."
  type        = string

  validation {
    condition     = fileexists(var.package_path)
    error_message = "package_path: there is no such file; make it with `uv run python -m dev.terraform.lambda_zip`."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the function."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: two availability zones or more, so that payments outlive one."
  }
}

variable "security_group_id" {
  description = "The payment processor's security group."
  type        = string
}

variable "kms_key_arns" {
  description = "Keys per data class: data for the function's environment, logs for log groups."
  type = object({
    data = string
    logs = string
  })
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the function's and the API's logs."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "chaos_allowed" {
  description = "Whether chaos experiments may break what this module makes: it gets the tag that consents."
  type        = bool
  default     = false
}

variable "payments_queue" {
  description = "The queue of payment commands."
  type = object({
    arn                        = string
    visibility_timeout_seconds = number
  })

  validation {
    condition     = endswith(var.payments_queue.arn, ".fifo")
    error_message = "payments_queue.arn: a FIFO queue, whose name ends in .fifo; the commands of one order must stay in order."
  }
}

variable "function" {
  description = "Size and limits of the payment processor. `reserved_concurrency` -1 leaves it to the account's own limit."
  type = object({
    memory_mib           = optional(number, 512)
    timeout_seconds      = optional(number, 45)
    reserved_concurrency = optional(number, 20)
    batch_size           = optional(number, 10)
    most_at_once         = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.function.timeout_seconds >= 45 && var.function.timeout_seconds <= 900
    error_message = "function.timeout_seconds: 45 to 900; a provider that hangs takes up to 30 seconds of it."
  }

  validation {
    condition     = var.function.memory_mib >= 256 && var.function.memory_mib <= 10240
    error_message = "function.memory_mib: 256 to 10240."
  }

  validation {
    condition     = var.function.reserved_concurrency == -1 || var.function.reserved_concurrency >= 2
    error_message = "function.reserved_concurrency: -1, or 2 and more; zero would stop all payments."
  }

  validation {
    condition     = var.function.batch_size >= 1 && var.function.batch_size <= 10
    error_message = "function.batch_size: 1 to 10; a FIFO queue gives no more."
  }

  validation {
    condition     = var.function.most_at_once >= 2 && var.function.most_at_once <= 1000
    error_message = "function.most_at_once: 2 to 1000, as Lambda wants it of a queue."
  }
}

variable "service_policy_arn" {
  description = "What the payment processor's code calls, of operator-access."
  type        = string
}

variable "service_token_secret_arn" {
  description = "The secret with the service token; the function reads it when it starts."
  type        = string
}

variable "provider_key_secret_arn" {
  description = "The secret with the merchant's key at the card provider; empty, the service token is it."
  type        = string
  default     = ""
}

variable "payment_provider_url" {
  description = "The card provider's API."
  type        = string

  validation {
    condition     = can(regex("^https://[^/]+", var.payment_provider_url))
    error_message = "payment_provider_url: https://…; card data goes there."
  }
}

variable "environment" {
  description = "More of the function's environment: names of tables and queues."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : startswith(name, "CAFE_")])
    error_message = "environment: variables are called CAFE_…; nothing else is read."
  }
}

variable "throttling" {
  description = "What the API takes: requests a second, and at once."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default = {}

  validation {
    condition     = var.throttling.rate >= 1 && var.throttling.burst >= var.throttling.rate && var.throttling.burst <= 5000
    error_message = "throttling: 1 ≤ rate ≤ burst ≤ 5000."
  }
}
