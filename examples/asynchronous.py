"""The same app under asyncio: coroutine functions as handlers, awaited calls, `async for`.

Prints:

    stock of bolts fell to 3
    stock of bolts fell to 1
    reordered: bolts
    all parts: bolts, nuts
"""

import asyncio

import pelton

app = pelton.App(":memory:")
parts = app.table("parts", partition_key="part", stream="NEW_AND_OLD_IMAGES")
orders = app.table("orders", partition_key="part", stream="NEW_AND_OLD_IMAGES")


@app.on_modify(parts)
async def watch_stock(change: pelton.RecordChange, context: pelton.Context) -> None:
    part = change.new or change.keys
    print(f"stock of {part['part']} fell to {part['count']}")
    if part["count"] < 2:
        await orders.aio.put({"part": part["part"], "count": 100})


@app.on_insert(orders)
async def confirm(order: pelton.Item, context: pelton.Context) -> None:
    print("reordered:", order["part"])


async def main() -> None:
    async with app:  # the handlers run on this loop
        await asyncio.gather(
            parts.aio.put({"part": "bolts", "count": 5}),
            parts.aio.put({"part": "nuts", "count": 9}),
        )
        for _ in range(2):
            await parts.aio.update(
                {"part": "bolts"},
                "ADD #count :taken",
                names={"#count": "count"},
                values={":taken": -2},
            )
        await app.aio.drain()  # with the orders that the first handler placed
        names = [part["part"] async for part in parts.aio.scan()]
        print("all parts:", ", ".join(sorted(names)))


asyncio.run(main())
