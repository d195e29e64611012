"""Powertools: the records of a batch side by side, with metrics of the function."""

import asyncio

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    AsyncBatchProcessor,
    EventType,
    async_process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

processor = AsyncBatchProcessor(event_type=EventType.DynamoDBStreams)
metrics = Metrics(namespace="shop", service="orders")

done = []


async def async_record_handler(record: DynamoDBRecord):
    await asyncio.sleep(0)
    metrics.add_metric(name="orders", unit=MetricUnit.Count, value=1)
    done.append(record.dynamodb.keys["pk"])


@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event, context):
    return async_process_partial_response(
        event=event, record_handler=async_record_handler, processor=processor, context=context
    )
