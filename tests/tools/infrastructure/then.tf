# What first.tf describes, some weeks later. Each change says what it was.

resource "aws_dynamodb_table" "orders" {
  name                        = "orders"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "customer"
  range_key                   = "at"
  stream_enabled              = true
  stream_view_type            = "KEYS_ONLY" # NEW_AND_OLD_IMAGES
  deletion_protection_enabled = false

  attribute {
    name = "customer"
    type = "S"
  }
  attribute {
    name = "at"
    type = "N"
  }
  attribute {
    name = "status"
    type = "S"
  }
  attribute {
    name = "total"
    type = "N"
  }
  attribute { # new, for the index by-courier
    name = "courier"
    type = "S"
  }

  local_secondary_index {
    name            = "by-total"
    range_key       = "total"
    projection_type = "KEYS_ONLY"
  }
  global_secondary_index {
    name               = "by-status"
    hash_key           = "status"
    range_key          = "at"
    projection_type    = "INCLUDE"
    non_key_attributes = ["note", "total"]
  }
  # gone: by-moment
  global_secondary_index { # new
    name            = "by-courier"
    hash_key        = "courier"
    range_key       = "total"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "expires"
    enabled        = false # true
  }
  point_in_time_recovery {
    enabled = false
  }
  tags = {
    stage = "live" # "test"
    owner = "ada"  # new; gone: team
  }
}

resource "aws_dynamodb_table" "stock" {
  name           = "stock"
  billing_mode   = "PROVISIONED"
  read_capacity  = 7          # 5
  write_capacity = 2          # 6
  table_class    = "STANDARD" # STANDARD_INFREQUENT_ACCESS
  hash_key       = "sku"

  attribute {
    name = "sku"
    type = "S"
  }
  attribute {
    name = "shelf"
    type = "B"
  }

  global_secondary_index {
    name            = "by-shelf"
    hash_key        = "shelf"
    projection_type = "KEYS_ONLY"
    read_capacity   = 8 # 3
    write_capacity  = 4
  }

  server_side_encryption { # new
    enabled = true
  }
}

resource "aws_dynamodb_table" "carts" {
  name                        = "carts"
  billing_mode                = "PAY_PER_REQUEST" # PROVISIONED
  hash_key                    = "id"
  deletion_protection_enabled = false # true

  attribute {
    name = "id"
    type = "S"
  }

  on_demand_throughput { # new
    max_read_request_units  = 100
    max_write_request_units = -1
  }
}

resource "aws_dynamodb_table_item" "wheel" {
  table_name = aws_dynamodb_table.stock.name
  hash_key   = aws_dynamodb_table.stock.hash_key
  item       = jsonencode({ sku = { S = "wheel" }, count = { N = "11" } }) # 12
}

data "aws_dynamodb_table" "orders" { # new
  name = aws_dynamodb_table.orders.name
}

output "stream" {
  value = data.aws_dynamodb_table.orders.stream_arn
}
