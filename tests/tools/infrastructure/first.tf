resource "aws_dynamodb_table" "orders" {
  name                        = "orders"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "customer"
  range_key                   = "at"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
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
  global_secondary_index {
    name            = "by-moment"
    hash_key        = "at"
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = false
  }
  tags = {
    stage = "test"
    team  = "shop"
  }
}

resource "aws_dynamodb_table" "stock" {
  name           = "stock"
  billing_mode   = "PROVISIONED"
  read_capacity  = 5
  write_capacity = 6
  table_class    = "STANDARD_INFREQUENT_ACCESS"
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
    read_capacity   = 3
    write_capacity  = 4
  }
}

resource "aws_dynamodb_table" "carts" {
  name                        = "carts"
  billing_mode                = "PROVISIONED"
  read_capacity               = 1
  write_capacity              = 1
  hash_key                    = "id"
  deletion_protection_enabled = true

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_dynamodb_table_item" "wheel" {
  table_name = aws_dynamodb_table.stock.name
  hash_key   = aws_dynamodb_table.stock.hash_key
  item       = jsonencode({ sku = { S = "wheel" }, count = { N = "12" } })
}
