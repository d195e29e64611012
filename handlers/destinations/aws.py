"""Queues, topics and buckets, reached by boto3 with the endpoint and credentials it finds."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any

from .arn import DestinationArn, parse_destination
from .destination import Destination, DestinationError
from .invocation_record import InvocationRecord

CONNECT_SECONDS_MAX = 5
READ_SECONDS_MAX = 10


def destination_of(arn: str, region: str) -> Destination:
    """The destination an ARN names; `region` is where a bucket is asked for first.

    Nothing is sent or looked up before the first record. boto3 reads the endpoint and the
    credentials as it always does, from `AWS_ENDPOINT_URL` and the like. Raises ValueError as
    `parse_destination` does.
    """
    parsed = parse_destination(arn)
    kinds: dict[str, type[_Resource]] = {"sqs": _Queue, "sns": _Topic, "s3": _Bucket}
    return kinds[parsed.service](arn, parsed, parsed.region or region)


class _Resource(ABC):
    """What is common to them: a client that is made when it is first needed."""

    def __init__(self, arn: str, parsed: DestinationArn, region: str) -> None:
        self._arn = arn
        self._parsed = parsed
        self._region = region
        self._lock = threading.Lock()
        self._client: Any = None

    def send(self, record: InvocationRecord) -> None:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._send(self._connected(), record)
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise DestinationError(f"{self._arn} did not take a record: {error}") from error

    @abstractmethod
    def _send(self, client: Any, record: InvocationRecord) -> None: ...

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                import boto3
                from botocore.config import Config

                # One try: whoever sends waits longer and longer between tries, and counts them.
                config = Config(
                    retries={"total_max_attempts": 1},
                    connect_timeout=CONNECT_SECONDS_MAX,
                    read_timeout=READ_SECONDS_MAX,
                )
                # A session of its own: boto3's default one is not for several threads.
                session: Any = boto3.session.Session()
                self._client = session.client(
                    self._parsed.service, region_name=self._region, config=config
                )
            return self._client


class _Queue(_Resource):
    _url: str | None = None

    def _send(self, client: Any, record: InvocationRecord) -> None:
        if self._url is None:
            answer = client.get_queue_url(
                QueueName=self._parsed.name, QueueOwnerAWSAccountId=self._parsed.account
            )
            self._url = answer["QueueUrl"]
        client.send_message(QueueUrl=self._url, MessageBody=record.body().decode())


class _Topic(_Resource):
    def _send(self, client: Any, record: InvocationRecord) -> None:
        client.publish(TopicArn=self._arn, Message=record.body().decode())


class _Bucket(_Resource):
    def _send(self, client: Any, record: InvocationRecord) -> None:
        client.put_object(
            Bucket=self._parsed.name,
            Key=record.object_key(),
            Body=record.body_with_payload(),
            ContentType="application/json",
        )
