# A shop's orders and the functions that their changes call; the functions are the app's.

resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_lambda_event_source_mapping" "note" {
  event_source_arn                   = aws_dynamodb_table.orders.stream_arn
  function_name                      = "note"
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 10
  maximum_batching_window_in_seconds = 0
  parallelization_factor             = 2
  maximum_retry_attempts             = 3
  maximum_record_age_in_seconds      = 600
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]

  filter_criteria {
    filter {
      pattern = jsonencode({ eventName = ["INSERT"] })
    }
  }
  tags = {
    stage = "test"
  }
}

resource "aws_lambda_event_source_mapping" "count" {
  event_source_arn  = aws_dynamodb_table.orders.stream_arn
  function_name     = "count"
  starting_position = "LATEST"
}

data "aws_lambda_function" "note" {
  function_name = "note"
}

output "handler" {
  value = data.aws_lambda_function.note.handler
}
