variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name: 3 to 20 lower-case letters, digits and hyphens, beginning with a letter (load balancers take 32 characters with what is added)."
  }
}

variable "vpc_id" {
  description = "The VPC."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id: an id such as vpc-0123456789abcdef0."
  }
}

variable "private_subnet_ids" {
  description = "Subnets of the ALB: CloudFront reaches it inside the VPC, the internet does not."
  type        = list(string)

  validation {
    condition     = length(distinct(var.private_subnet_ids)) >= 2 && length(distinct(var.private_subnet_ids)) == length(var.private_subnet_ids)
    error_message = "private_subnet_ids: two different subnets at least; an ALB stands in two zones or more."
  }
}

variable "public_subnet_ids" {
  description = "Subnets of the NLB, where tills come in."
  type        = list(string)

  validation {
    condition     = length(var.public_subnet_ids) >= 2 && length(distinct(var.public_subnet_ids)) == length(var.public_subnet_ids)
    error_message = "public_subnet_ids: two different subnets at least, or the loss of a zone closes all tills."
  }
}

variable "security_group_ids" {
  description = "Security groups of the doors, as the module networking gives them."
  type        = object({ alb = string, alb-lattice = string, nlb = string })

  validation {
    condition     = alltrue([for id in values(var.security_group_ids) : startswith(id, "sg-")])
    error_message = "security_group_ids: ids such as sg-0123456789abcdef0."
  }
}

variable "domain" {
  description = "The cafe's domain; tills come to tills.<domain>."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain: a domain in lower case, without protocol, asterisk or trailing dot."
  }
}

variable "hosted_zone_id" {
  description = "Route 53 hosted zone in which the domain lies."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]{6,31}$", var.hosted_zone_id))
    error_message = "hosted_zone_id: an id such as Z0123456789ABCDEFGHIJ, without /hostedzone/."
  }
}

variable "certificate_arn" {
  description = "The Region's certificate for the domain and one level below."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "certificate_arn: the ARN of an ACM certificate."
  }
}

variable "web_acl_arn" {
  description = "The Region's firewall rules."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:wafv2:[a-z0-9-]+:[0-9]{12}:regional/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn: a web ACL of scope REGIONAL; one of scope CLOUDFRONT is refused by load balancers."
  }
}

variable "order_role_arns" {
  description = "Roles that may call inventory by VPC Lattice: the order service's."
  type        = list(string)

  validation {
    condition     = length(var.order_role_arns) > 0 && alltrue([for arn in var.order_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "order_role_arns: one role's ARN at least, none with an asterisk."
  }
}

variable "health_check" {
  description = "How often and how patiently targets are asked, in seconds, and after how many answers a target's state changes."
  type = object({
    interval  = optional(number, 10)
    timeout   = optional(number, 3)
    healthy   = optional(number, 2)
    unhealthy = optional(number, 2)
  })
  default = {}

  validation {
    condition     = var.health_check.interval >= 5 && var.health_check.interval <= 300 && var.health_check.timeout >= 2 && var.health_check.timeout <= 120
    error_message = "health_check: interval from 5 to 300 seconds, timeout from 2 to 120."
  }

  validation {
    condition     = var.health_check.timeout < var.health_check.interval
    error_message = "health_check: the timeout must be shorter than the interval."
  }

  validation {
    condition     = alltrue([for count in [var.health_check.healthy, var.health_check.unhealthy] : count >= 2 && count <= 10])
    error_message = "health_check: healthy and unhealthy from 2 to 10."
  }
}

variable "deregistration_seconds" {
  description = "Seconds for which a leaving target may finish requests. A pod has 40 from SIGTERM to its end."
  type        = number
  default     = 30

  validation {
    condition     = var.deregistration_seconds >= 0 && var.deregistration_seconds <= 40
    error_message = "deregistration_seconds: 0 to 40; after 40 the pod is gone (terminationGracePeriodSeconds of the chart)."
  }
}

variable "access_log_days" {
  description = "Days for which access logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.access_log_days >= 1 && floor(var.access_log_days) == var.access_log_days
    error_message = "access_log_days: whole days, 1 at least."
  }
}

variable "log_retention_days" {
  description = "Days for which Lattice's log group is kept."
  type        = number
  default     = 30

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "log_retention_days: one of CloudWatch's periods (1, 3, 5, 7, 14, 30, 60, 90, …)."
  }
}

variable "kms_key_arns" {
  description = "Keys by class of data, as the module security gives them; here the one for logs."
  type        = object({ logs = string })

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arns.logs))
    error_message = "kms_key_arns.logs: the ARN of a key; CloudWatch Logs refuses aliases."
  }
}

variable "deletion_protection" {
  description = "Load balancers refuse to be deleted."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Lets destroy empty the bucket of access logs. For environments that come and go."
  type        = bool
  default     = false
}

variable "chaos_allowed" {
  description = "Tags load balancers, rules and target groups so that the operator's faults may break them."
  type        = bool
  default     = false
}
