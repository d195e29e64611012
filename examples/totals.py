"""A derived table that stays exact: its writes commit together with the handler's position.

Updates and deletes count too, and a handler that failed half-way leaves no trace.

Prints:

    Drama    1 films,   9 million
    Western  2 films,  29 million
    the handler failed 1 time and was called again
"""

import logging

import pelton

logging.getLogger("pelton").setLevel(logging.ERROR)  # without the warning about the failure

app = pelton.App(":memory:")
films = app.table("films", partition_key="title", stream="NEW_AND_OLD_IMAGES")
totals = app.table("totals", partition_key="genre")
failures: list[pelton.RecordChange] = []


@app.on_change(films)
def total_by_genre(change: pelton.RecordChange, context: pelton.Context) -> None:
    for film, sign in ((change.old, -1), (change.new, +1)):
        if film is not None:
            context.transaction.update(
                totals,
                {"genre": film["genre"]},
                "ADD films :films, millions :millions",
                values={":films": sign, ":millions": sign * film["millions"]},
            )
    if change.keys == {"title": "Shane"} and not failures:
        failures.append(change)
        raise ConnectionError("the network went away after the first write")


with app:
    with films.batch() as batch:
        batch.put({"title": "Rio Bravo", "genre": "Western", "millions": 12})
        batch.put({"title": "Shane", "genre": "Drama", "millions": 20})
        batch.put({"title": "Marty", "genre": "Drama", "millions": 9})
        batch.put({"title": "Heat", "genre": "Drama", "millions": 187})
    films.update(
        {"title": "Shane"},
        "SET genre = :genre, millions = millions - :correction",
        values={":genre": "Western", ":correction": 3},
    )
    films.delete({"title": "Heat"})
    app.drain()

    for total in sorted(totals.scan(), key=lambda each: each["genre"]):
        print(f"{total['genre']:8} {total['films']} films, {total['millions']:3} million")
    print(f"the handler failed {len(failures)} time and was called again")
