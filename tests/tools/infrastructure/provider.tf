# How a configuration is pointed at pelton: the endpoint, and no questions to any other service.

variable "endpoint" {
  type = string
}

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "AKIDEXAMPLE"
  secret_key                  = "example"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  max_retries                 = 1

  endpoints {
    dynamodb = var.endpoint
    lambda   = var.endpoint
  }
}
