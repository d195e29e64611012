"""The smallest app: a table, and a function that every new item calls.

Prints:

    welcome, Ada <ada@example.com>
    Ada moved from ada@example.com to ada@example.org
    goodbye, Ada
"""

import pelton

app = pelton.App(":memory:")  # or a path: then everything below survives the process
users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")


@app.on_insert(users)
def welcome(user: pelton.Item, context: pelton.Context) -> None:
    print(f"welcome, {user['name']} <{user['email']}>")


@app.on_modify(users)
def moved(change: pelton.RecordChange, context: pelton.Context) -> None:
    if change.old is not None and change.new is not None:
        print(f"{change.new['name']} moved from {change.old['email']} to {change.new['email']}")


@app.on_remove(users)
def goodbye(user: pelton.Item, context: pelton.Context) -> None:
    print(f"goodbye, {user['name']}")


with app:
    users.put({"user_id": "u1", "name": "Ada", "email": "ada@example.com"})
    app.drain()  # returns when every handler has caught up
    users.update({"user_id": "u1"}, "SET email = :new", values={":new": "ada@example.org"})
    app.drain()
    users.delete({"user_id": "u1"})
    app.drain()
