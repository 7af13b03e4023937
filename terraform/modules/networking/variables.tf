variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name: 3 to 20 lower-case letters, digits and hyphens, beginning with a letter (load balancers take 32 characters with what is added)."
  }
}

variable "cidr" {
  description = "Addresses of the VPC. A quarter of them is for pods, a 256th each for every public and database subnet."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr: a network with its first address, such as 10.20.0.0/16."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 18, false)
    error_message = "cidr: AWS takes no network larger than /16, and below /18 the subnets are too small for an EKS node's pods and a load balancer's 8 free addresses."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr))
    error_message = "cidr: private addresses (10/8, 172.16/12, 192.168/16); others are reached over the internet by everybody else."
  }
}

variable "azs" {
  description = "The three availability zones, written down: a zone that AWS adds to the Region must move no subnet."
  type        = list(string)

  validation {
    condition     = length(distinct(var.azs)) == 3 && length(var.azs) == 3
    error_message = "azs: three different zones."
  }

  validation {
    condition     = alltrue([for az in var.azs : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-f]$", az))])
    error_message = "azs: names of zones such as eu-west-1a."
  }
}

variable "nat_per_az" {
  description = "A NAT gateway in each zone. With a single one, its zone's loss takes the way out of all three, for a third of the price."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services reached by an address inside the VPC; the others by NAT. Each costs about 22 USD a month in three zones."
  type        = set(string)
  default     = []

  validation {
    condition = length(setsubtract(var.interface_endpoints, [
      "autoscaling", "ec2", "ecr.api", "ecr.dkr", "ecs", "eks", "eks-auth", "elasticache", "elasticloadbalancing", "kinesis-streams",
      "kms", "lambda", "logs", "memory-db", "monitoring", "rds", "redshift", "secretsmanager", "sns", "sqs", "ssm", "sts", "tagging",
    ])) == 0
    error_message = "interface_endpoints: an endpoint service that the cafe has no use for, or that does not exist (s3 and dynamodb have gateways already)."
  }

  validation {
    condition     = contains(var.interface_endpoints, "ecr.api") == contains(var.interface_endpoints, "ecr.dkr")
    error_message = "interface_endpoints: ecr.api and ecr.dkr go together; an image is pulled through both."
  }
}

variable "till_cidrs" {
  description = "Networks of the stores, from which tills reach the network load balancer."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.till_cidrs : can(cidrhost(cidr, 0)) && try(cidrhost(cidr, 0) == split("/", cidr)[0], false)])
    error_message = "till_cidrs: networks with their first address, such as 203.0.113.0/24."
  }

  validation {
    condition     = !contains(var.till_cidrs, "0.0.0.0/0")
    error_message = "till_cidrs: not the whole internet; customers come by CloudFront, where the web application firewall stands."
  }
}

variable "pods_in_node_group" {
  description = <<-EOT
    Pods go by their node's security group, and NetworkPolicies tell services apart. False where a SecurityGroupPolicy
    gives each service's pods their own group (instance types with trunk interfaces only; none of the t family has them).
  EOT
  type        = bool
  default     = true
}

variable "flow_log_retention_days" {
  description = "Days for which flow logs are kept."
  type        = number
  default     = 30

  validation {
    condition = contains([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.flow_log_retention_days)
    error_message = "flow_log_retention_days: one of CloudWatch's periods (1, 3, 5, 7, 14, 30, 60, 90, …)."
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

variable "chaos_allowed" {
  description = "Tags subnets and security groups so that the operator's faults may break them."
  type        = bool
  default     = false
}
