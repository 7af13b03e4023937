variable "region" {
  description = "The Region; the provider refuses what is none."
  type        = string
  default     = "eu-west-1"
}

variable "backup_region" {
  description = "Where backups are copied to; another Region."
  type        = string
  default     = "eu-central-1"

  validation {
    condition     = var.backup_region != var.region
    error_message = "backup_region: another one than `region`, or the loss of a Region takes the backups too."
  }
}

variable "domain" {
  description = "The cafe's domain, for example cafe.example.com."
  type        = string
}

variable "hosted_zone_id" {
  description = "Route 53 hosted zone in which the domain lies."
  type        = string
}

variable "payment_provider_url" {
  description = "The card provider's API."
  type        = string
}

variable "provider_key_secret_arn" {
  description = "A secret of yours with the merchant's key at the card provider; empty, the service token is it."
  type        = string
  default     = ""
}

variable "administrators" {
  description = "Roles that administer the cluster, by a name of one's own: {\"ops\" = \"arn:aws:iam::…:role/ops\"}."
  type        = map(string)

  validation {
    condition     = length(var.administrators) > 0 && alltrue([for arn in values(var.administrators) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+", arn))])
    error_message = "administrators: one at least, by the ARN of a role or user; a session's ARN (assumed-role) opens nothing."
  }
}

variable "kubernetes_cidrs" {
  description = "Networks outside of the VPC from which the API server may be reached; none, it is private."
  type        = list(string)
  default     = []
}

variable "till_cidrs" {
  description = "Networks of the stores' tills."
  type        = list(string)
  default     = []
}

variable "emails" {
  description = "Who is told of alarms and of the budget."
  type        = set(string)
  default     = []
}

variable "account_guards" {
  description = "False where the account has a CloudTrail and GuardDuty already."
  type        = bool
  default     = true
}

variable "fis_service_linked_role" {
  description = "False where the account has the role AWSServiceRoleForFIS already."
  type        = bool
  default     = true
}

variable "image_tags" {
  description = "Tags of the images that have been pushed; `make deploy` writes them to images.auto.tfvars.json."
  type        = map(string)
  default     = {}
}

variable "package_path" {
  description = "The payment processor's zip, made by `python -m dev.terraform.lambda_zip`."
  type        = string
  default     = "../../../.cache/lambda/payment-processor.zip"
}
