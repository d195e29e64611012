"""Reads a table's stream with bloop and prints its changes until the input ends.

The arguments are the server's URL, the table's name and the file of a token, which is where to go
on, if it is there, and where to keep how far it has come.
"""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path
from typing import Any

EVENTS = {"insert": "INSERT", "modify": "MODIFY", "remove": "REMOVE"}


def main(endpoint: str, table: str, token_file: Path) -> None:
    import boto3
    from bloop import BaseModel, Column, Engine, Integer, String

    class Order(BaseModel):  # type: ignore[misc] # bloop's types are unknown here
        class Meta:
            table_name = table
            stream = {"include": {"new", "old"}}

        id = Column(String, hash_key=True)
        n = Column(Integer)

    engine = Engine(
        dynamodb=boto3.client("dynamodb", endpoint_url=endpoint),
        dynamodbstreams=boto3.client("dynamodbstreams", endpoint_url=endpoint),
    )
    engine.bind(Order, skip_table_setup=False)
    resumed = token_file.exists()
    stream = engine.stream(Order, json.loads(token_file.read_text()) if resumed else "trim_horizon")
    print("reading", flush=True)
    while True:
        record = next(stream)
        if record is not None:
            show(record)
        elif select.select([sys.stdin], [], [], 0.02)[0]:
            break
    token_file.write_text(json.dumps(stream.token))


def show(record: dict[str, Any]) -> None:
    image = record["new"] or record["old"]
    event = EVENTS[record["meta"]["event"]["type"]]
    print(json.dumps({"id": image.id, "event": event, "n": image.n}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
