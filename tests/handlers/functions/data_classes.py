"""Powertools: the event as objects."""

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import (
    DynamoDBRecordEventName,
    StreamViewType,
)

changes = []


@event_source(data_class=DynamoDBStreamEvent)
def lambda_handler(event: DynamoDBStreamEvent, context):
    for record in event.records:
        assert record.event_source == "aws:dynamodb"
        assert record.dynamodb.stream_view_type is StreamViewType.NEW_AND_OLD_IMAGES
        if record.event_name is DynamoDBRecordEventName.INSERT:
            changes.append(("new", record.dynamodb.new_image))
        elif record.event_name is DynamoDBRecordEventName.MODIFY:
            changes.append(("changed", record.dynamodb.old_image, record.dynamodb.new_image))
        else:
            changes.append(("gone", record.dynamodb.keys))
