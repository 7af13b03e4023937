variable "name" {
  description = "What all names begin with."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name: 3 to 22 lower-case letters, digits and dashes; load balancers and roles append to it."
  }
}

variable "namespace" {
  description = "The Kubernetes namespace of the chart: whose services the tasks and spares stand in for."
  type        = string
  default     = "cloudcafe"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace: 1 to 63 lower-case letters, digits and dashes."
  }
}

variable "vpc_id" {
  description = "The VPC; the analytics worker's name is found in it."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets of the nodes, the Fargate tasks and the spares, one per availability zone."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "private_subnet_ids: EKS needs subnets in two availability zones or more."
  }
}

variable "security_group_ids" {
  description = "Made by the networking module: of the nodes, of the API server's addresses, and of the two services that run beside the cluster."
  type = object({
    nodes            = string
    control-plane    = string
    analytics-worker = string
    loyalty          = string
  })
}

variable "kms_key_arns" {
  description = "Keys per data class: data for secrets that are read, state for images and Kubernetes Secrets, logs for log groups."
  type = object({
    data  = string
    state = string
    logs  = string
  })
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the control plane's and the worker's logs."
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

variable "cluster" {
  description = "The EKS cluster. The API server answers inside the VPC, and outside only to `public_cidrs`."
  type = object({
    version         = optional(string, "1.36")
    public_cidrs    = optional(list(string), [])
    support         = optional(string, "STANDARD")
    deletion_guard  = optional(bool, false)
    pod_logs        = optional(bool, false)
    authorised_arns = map(string)
  })

  validation {
    condition     = can(regex("^1\\.(3[6-9]|[4-9][0-9])$", var.cluster.version))
    error_message = "cluster.version: 1.36 or newer; the chart's admission policies need it."
  }

  validation {
    condition     = alltrue([for cidr in var.cluster.public_cidrs : can(cidrhost(cidr, 0)) && cidr != "0.0.0.0/0"])
    error_message = "cluster.public_cidrs: networks such as 203.0.113.0/24, and never the whole internet."
  }

  validation {
    condition     = contains(["STANDARD", "EXTENDED"], var.cluster.support)
    error_message = "cluster.support: STANDARD or EXTENDED; the latter costs six times as much an hour."
  }

  validation {
    condition     = length(var.cluster.authorised_arns) > 0
    error_message = "cluster.authorised_arns: name one role at least, or nobody could enter the cluster."
  }
}

variable "nodes" {
  description = "The managed node group."
  type = object({
    instance_types = optional(list(string), ["m7i.large"])
    capacity_type  = optional(string, "ON_DEMAND")
    min            = optional(number, 2)
    max            = optional(number, 6)
    disk_gib       = optional(number, 40)
  })
  default = {}

  validation {
    condition     = var.nodes.min >= 2 && var.nodes.max >= var.nodes.min && var.nodes.max <= 100
    error_message = "nodes: 2 ≤ min ≤ max ≤ 100; one node alone could not be drained."
  }

  validation {
    condition     = contains(["ON_DEMAND", "SPOT"], var.nodes.capacity_type)
    error_message = "nodes.capacity_type: ON_DEMAND or SPOT."
  }

  validation {
    condition     = var.nodes.disk_gib >= 20 && var.nodes.disk_gib <= 1000
    error_message = "nodes.disk_gib: 20 to 1000; images alone take ten."
  }

  validation {
    condition     = length(var.nodes.instance_types) > 0 && alltrue([for type in var.nodes.instance_types : !can(regex("^[a-z]+[0-9]+g", type))])
    error_message = "nodes.instance_types: one at least, and none with an Arm processor: the images are made for x86."
  }
}

variable "images" {
  description = "The images that the cafe runs; each has a repository <name>/<image>."
  type        = set(string)
  default     = ["order", "menu", "inventory", "loyalty", "payment-processor", "analytics-worker", "storefront", "operator", "cli"]

  validation {
    condition     = alltrue([for image in ["analytics-worker", "loyalty"] : contains(var.images, image)])
    error_message = "images: analytics-worker and loyalty must be among them, they run outside of Kubernetes too."
  }
}

variable "image_tags" {
  description = "The tag of each image that has been pushed. What runs outside of Kubernetes is made when its image is there."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for tag in values(var.image_tags) : can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", tag)) && tag != "latest"])
    error_message = "image_tags: letters, digits, `_`, `.` and `-`; never `latest`, which says nothing about what runs."
  }

  validation {
    condition     = length(setsubtract(keys(var.image_tags), var.images)) == 0
    error_message = "image_tags: there is a tag of an image that is not in `images`."
  }
}

variable "image_keep" {
  description = "How many images a repository keeps."
  type        = number
  default     = 20

  validation {
    condition     = var.image_keep >= 5 && var.image_keep <= 1000
    error_message = "image_keep: 5 to 1000; a rollback needs the last few."
  }
}

variable "repositories_deletable" {
  description = "Whether `terraform destroy` may remove repositories that hold images."
  type        = bool
  default     = false
}

variable "service_token_secret_arn" {
  description = "The secret with the token by which the services know each other (plain text)."
  type        = string
}

variable "analytics" {
  description = "The analytics worker on Fargate."
  type = object({
    cpu         = optional(number, 256)
    memory      = optional(number, 512)
    min         = optional(number, 1)
    max         = optional(number, 2)
    environment = map(string)
    secrets     = map(string)
    policy_arn  = string
    secret_arns = list(string)
  })

  validation {
    condition     = var.analytics.min >= 1 && var.analytics.max >= var.analytics.min
    error_message = "analytics: 1 ≤ min ≤ max."
  }

  validation {
    condition = contains(
      ["256/512", "256/1024", "256/2048", "512/1024", "512/2048", "512/4096", "1024/2048", "1024/4096", "1024/8192"],
      "${var.analytics.cpu}/${var.analytics.memory}"
    )
    error_message = "analytics: Fargate has no such pair of cpu and memory; try 256/512, 512/1024 or 1024/2048."
  }

  validation {
    condition     = alltrue([for name in keys(merge(var.analytics.environment, var.analytics.secrets)) : can(regex("^(CAFE|AWS)_[A-Z_]+$", name))])
    error_message = "analytics: variables are called CAFE_… or AWS_…; nothing else is read."
  }
}

variable "spares" {
  description = "The loyalty service's spares: small instances that run the same image, and stopped ones that take over within a minute."
  type = object({
    instance_type     = optional(string, "t3.small")
    min               = optional(number, 0)
    max               = optional(number, 2)
    warm              = optional(number, 1)
    target_group_arn  = optional(string)
    memorydb_endpoint = string
    memorydb_secret   = string
    policy_arn        = string
  })

  validation {
    condition     = var.spares.min >= 0 && var.spares.max >= max(var.spares.min, 1) && var.spares.max <= 20
    error_message = "spares: 0 ≤ min ≤ max, and 1 ≤ max ≤ 20."
  }

  validation {
    condition     = var.spares.warm >= 0 && var.spares.warm <= var.spares.max
    error_message = "spares.warm: not more than max."
  }
}
