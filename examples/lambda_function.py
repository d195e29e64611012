"""A function written for AWS Lambda runs unchanged: the same event, the same context.

Prints:

    INSERT order-1: 2 goods
    MODIFY order-1: 3 goods
    called by arn:aws:dynamodb:us-east-1:000000000000:table/orders
"""

from typing import Any

import pelton


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """As it is deployed to Lambda; nothing in it knows pelton."""
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        print(f"{record['eventName']} {image['order_id']['S']}: {len(image['goods']['L'])} goods")
    if context.get_remaining_time_in_millis() > 0:
        print("called by", event["Records"][0]["eventSourceARN"].partition("/stream/")[0])


app = pelton.App(":memory:")
orders = app.table("orders", partition_key="order_id", stream="NEW_AND_OLD_IMAGES")
app.on_stream(orders, batch_size=100)(lambda_handler)

# Written before the app starts, so both records come in one batch: handlers begin at TRIM_HORIZON,
# the oldest record kept, unless starting_position="LATEST".
orders.put({"order_id": "order-1", "goods": ["tea", "cups"]})
orders.update(
    {"order_id": "order-1"},
    "SET goods = list_append(goods, :more)",
    values={":more": ["milk"]},
)

with app:
    app.drain()
