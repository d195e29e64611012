"""Powertools: a batch processor with a partial response, data classes, a structured log."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
logger = Logger(service="orders")

done = []
broken = set()


def record_handler(record: DynamoDBRecord, lambda_context: LambdaContext):
    image = record.dynamodb.new_image
    logger.info("order", extra={"pk": image["pk"], "total": str(image["total"])})
    if image["pk"] in broken:
        raise ValueError("no such order")
    done.append((image["pk"], lambda_context.function_name))


@logger.inject_lambda_context
def lambda_handler(event, context: LambdaContext):
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
