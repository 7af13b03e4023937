variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name: 3 to 20 lower-case letters, digits and hyphens, beginning with a letter (bucket names take no others)."
  }
}

variable "domain" {
  description = "The cafe's domain, for example cafe.example.com. Its certificates hold it and one level below."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain: a domain in lower case, without protocol, asterisk or trailing dot."
  }

  validation {
    condition     = length(var.domain) <= 64
    error_message = "domain: a certificate's first name has at most 64 characters."
  }
}

variable "hosted_zone_id" {
  description = "Route 53 hosted zone in which the domain lies; certificates are validated by a record there."
  type        = string

  validation {
    condition     = can(regex("^Z[A-Z0-9]{6,31}$", var.hosted_zone_id))
    error_message = "hosted_zone_id: an id such as Z0123456789ABCDEFGHIJ, without /hostedzone/."
  }
}

variable "key_deletion_days" {
  description = "Days in which a deleted key can be taken back; what it encrypted is lost after them."
  type        = number
  default     = 30

  validation {
    condition     = var.key_deletion_days >= 7 && var.key_deletion_days <= 30 && floor(var.key_deletion_days) == var.key_deletion_days
    error_message = "key_deletion_days: 7 to 30 whole days."
  }
}

variable "waf_requests_per_5_minutes" {
  description = "Requests that one address may make in five minutes before the firewall answers 429."
  type        = number
  default     = 2000

  validation {
    condition     = var.waf_requests_per_5_minutes >= 10 && var.waf_requests_per_5_minutes <= 2000000000 && floor(var.waf_requests_per_5_minutes) == var.waf_requests_per_5_minutes
    error_message = "waf_requests_per_5_minutes: a whole number from 10 to 2,000,000,000."
  }
}

variable "log_retention_days" {
  description = "Days for which the firewall's and the trail's log groups are kept."
  type        = number
  default     = 30

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "log_retention_days: one of CloudWatch's periods (1, 3, 5, 7, 14, 30, 60, 90, …)."
  }
}

variable "trail" {
  description = "CloudTrail: whether this stack makes one (a second trail in an account costs per event), and the days for which its objects are kept."
  type = object({
    enabled        = optional(bool, true)
    retention_days = optional(number, 400)
  })
  default = {}

  validation {
    condition     = var.trail.retention_days > 90
    error_message = "trail.retention_days: more than 90; after 90 days objects move to cheaper storage, and the last 90 CloudTrail shows by itself."
  }
}

variable "guardduty" {
  description = "GuardDuty: whether this stack makes the detector (an account has one per Region), and what it looks at beyond its basic sources."
  type = object({
    enabled  = optional(bool, true)
    features = optional(set(string), ["S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"])
  })
  default = {}

  validation {
    condition = length(setsubtract(var.guardduty.features, [
      "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING",
    ])) == 0
    error_message = "guardduty.features: GuardDuty knows S3_DATA_EVENTS, EKS_AUDIT_LOGS, EBS_MALWARE_PROTECTION, RDS_LOGIN_EVENTS, LAMBDA_NETWORK_LOGS, EKS_RUNTIME_MONITORING, RUNTIME_MONITORING."
  }

  validation {
    condition     = !(contains(var.guardduty.features, "RUNTIME_MONITORING") && contains(var.guardduty.features, "EKS_RUNTIME_MONITORING"))
    error_message = "guardduty.features: RUNTIME_MONITORING includes EKS_RUNTIME_MONITORING; AWS refuses both."
  }
}

variable "force_destroy" {
  description = "Lets destroy empty the trail's bucket. For environments that come and go."
  type        = bool
  default     = false
}
