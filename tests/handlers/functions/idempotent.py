"""Powertools: each record's payment is made once, kept track of in a table of DynamoDB."""

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
persistence = DynamoDBPersistenceLayer(table_name="idempotency")
config = IdempotencyConfig(event_key_jmespath="eventID")

payments = []
attempts = []


def record_handler(record: DynamoDBRecord):
    pay(record=record.raw_event)


@idempotent_function(data_keyword_argument="record", config=config, persistence_store=persistence)
def pay(record):
    payments.append(record["dynamodb"]["Keys"]["pk"]["S"])
    return {"paid": True}


def lambda_handler(event, context):
    config.register_lambda_context(context)
    result = process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
    attempts.append(len(event["Records"]))
    if len(attempts) == 1:
        raise ConnectionError("the function's answer is lost")
    return result
