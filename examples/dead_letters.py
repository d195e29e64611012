"""A record that no retry helps leaves the way for its neighbours and is kept whole.

Prints:

    sent to 3 of 4 addresses
    dead letter of send_letter: ValueError: no such address: nowhere
      attempts: 3
"""

import logging

import pelton

logging.getLogger("pelton").setLevel(logging.CRITICAL)  # the failures are expected here

app = pelton.App(":memory:")
letters = app.table("letters", partition_key="letter_id", stream="NEW_IMAGE")
sent: set[str] = set()


@app.on_insert(letters, maximum_retry_attempts=2)
def send_letter(letter: pelton.Item, context: pelton.Context) -> None:
    if letter["address"] == "nowhere":
        raise ValueError(f"no such address: {letter['address']}")
    sent.add(letter["address"])


with app:
    with letters.batch() as batch:
        for number, address in enumerate(["London", "Paris", "nowhere", "Oslo"]):
            batch.put({"letter_id": f"letter-{number}", "address": address})
    app.drain()
    print(f"sent to {len(sent)} of 4 addresses")

    # Dead letters are items of an ordinary table, with the record and the traceback.
    table = app.table(
        "pelton.dead-letters", partition_key="handler_name", sort_key="sequence_number"
    )
    for dead in table.scan():
        print(
            f"dead letter of {dead['handler_name']}: {dead['error_type']}: {dead['error_message']}"
        )
        print(f"  attempts: {dead['attempts']}")
