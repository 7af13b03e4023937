terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # the bucket is terraform/bootstrap's: terraform init -backend-config=bucket=… -backend-config=region=…
  # It encrypts with its own key what is put without a word of encryption; `encrypt` would ask for S3's key instead.
  backend "s3" {
    key          = "cloudcafe/prod.tfstate"
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      "cloudcafe.dev/part-of"     = "cloudcafe"
      "cloudcafe.dev/environment" = "prod"
    }
  }
}
