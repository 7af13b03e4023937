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
  description = "The cafe's domain, where customers come."
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
  description = "Certificate for the domain, in us-east-1."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "certificate_arn: an ACM certificate in us-east-1; CloudFront takes no other."
  }
}

variable "web_acl_arn" {
  description = "Firewall rules of scope CLOUDFRONT."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn: a web ACL of scope CLOUDFRONT (its ARN says us-east-1 and global); CloudFront refuses one of scope REGIONAL."
  }
}

variable "alb_arn" {
  description = "The load balancer behind which the API is. It may be internal: CloudFront reaches it in the VPC."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/", var.alb_arn))
    error_message = "alb_arn: the ARN of an application load balancer."
  }
}

variable "alb_dns_name" {
  description = "Name of that load balancer."
  type        = string

  validation {
    condition     = endswith(var.alb_dns_name, ".elb.amazonaws.com") || endswith(var.alb_dns_name, ".elb.amazonaws.com.cn")
    error_message = "alb_dns_name: the load balancer's own name, as AWS gives it."
  }
}

variable "api_paths" {
  description = "Paths that go to the API; all others are pages."
  type        = list(string)
  default     = ["/shop/*", "/orders", "/orders/*", "/stores/*/menu", "/customers/*", "/promotions", "/promotions/*"]

  validation {
    condition     = alltrue([for path in var.api_paths : can(regex("^/[A-Za-z0-9_.*$/~\"'@:+-]+$", path))])
    error_message = "api_paths: patterns that begin with a slash and are more than it; CloudFront takes letters, digits and _-.*$/~\"'@:+."
  }

  validation {
    condition     = length(var.api_paths) <= 24 && length(distinct(var.api_paths)) == length(var.api_paths)
    error_message = "api_paths: 24 different ones at most; a distribution has 25 behaviours, one of them for the pages."
  }
}

variable "price_class" {
  description = "Where CloudFront answers from: PriceClass_100 (Europe, North America), PriceClass_200, PriceClass_All."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class: PriceClass_100, PriceClass_200 or PriceClass_All."
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

variable "kms_key_arns" {
  description = "Keys by class of data, as the module security gives them; here the one for logs."
  type        = object({ logs = string })

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arns.logs))
    error_message = "kms_key_arns.logs: the ARN of a key; its alias would be looked up in the account of whoever writes."
  }
}

variable "force_destroy" {
  description = "Lets destroy empty the buckets. For environments that come and go."
  type        = bool
  default     = false
}
