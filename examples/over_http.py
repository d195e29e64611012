"""A server beside the running app: boto3 writes over HTTP, the same handlers are called.

Prints:

    Grace signed up
    2 records in the stream: INSERT, MODIFY
"""

import boto3

import pelton
from pelton.server import Server

app = pelton.App(":memory:")
users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")


@app.on_insert(users)
def signed_up(user: pelton.Item, context: pelton.Context) -> None:
    print(user["name"], "signed up")


with app, Server(app.database, port=0) as server:
    session = boto3.Session("any-key", "any-secret", region_name="us-east-1")
    table = session.resource("dynamodb", endpoint_url=server.url).Table("users")
    table.put_item(Item={"user_id": "u1", "name": "Grace"})
    app.drain()
    table.update_item(
        Key={"user_id": "u1"},
        UpdateExpression="SET logins = :one",
        ExpressionAttributeValues={":one": 1},
    )

    # The stream is there for any other reader too, such as the KCL.
    streams = session.client("dynamodbstreams", endpoint_url=server.url)
    arn = str(users.stream_arn)
    names = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn,
            ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        names += [record["eventName"] for record in records]
    print(len(names), "records in the stream:", ", ".join(names))
