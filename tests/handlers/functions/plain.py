"""The shape of AWS's first example: the records are logged, and the context with them."""

import json
import logging

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def lambda_handler(event, context):
    logger.info("Received event: %s", json.dumps(event, indent=2))
    print("Function:", context.function_name, context.function_version)
    print("ARN:", context.invoked_function_arn)
    print("Memory:", context.memory_limit_in_mb, "MB")
    print("Request:", context.aws_request_id)
    print("Logs:", context.log_group_name, context.log_stream_name)
    print("Time left:", context.get_remaining_time_in_millis() > 0)
    print("Identity:", context.identity.cognito_identity_id, context.client_context)
    context.log(f"Tenant: {context.tenant_id}\n")

    for record in event["Records"]:
        process_record(record)

    return "Successfully processed {} records.".format(len(event["Records"]))


def process_record(record):
    if record["eventName"] == "INSERT":
        print("New item:", record["dynamodb"]["NewImage"]["pk"]["S"])
    elif record["eventName"] == "MODIFY":
        old, new = record["dynamodb"]["OldImage"], record["dynamodb"]["NewImage"]
        print("Changed:", json.dumps(old, sort_keys=True), json.dumps(new, sort_keys=True))
    elif record["eventName"] == "REMOVE":
        print("Removed:", record["dynamodb"]["Keys"]["pk"]["S"])
