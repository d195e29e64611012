"""What functions can be seen to write. The functions here are looked at and never called."""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelton import App, Table
from pelton.handlers.written_tables import DELETE, PUT, UPDATE, Written, steps_of, tables_written

NAMES = ("orders", "totals")

orders: Table
totals: Table
elsewhere: Any


class Elsewhere:
    """A place that holds tables, as a module of a user's does."""

    def __init__(self, totals: Table) -> None:
        self.totals = totals

    @property
    def made_when_asked_for(self) -> Table:
        raise AssertionError("looking must not run anyone's code")

    def add(self, order: Any, context: Any) -> None:
        self.totals.put({"id": order["id"]})

    def __call__(self, order: Any, context: Any) -> None:
        self.add(order, context)


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    global orders, totals, elsewhere
    with App() as app:
        orders, totals = (app.table(name, partition_key="id") for name in NAMES)
        elsewhere = Elsewhere(totals)
        yield


def seen(function: Callable[..., Any]) -> Written:
    return {name: events for name, events in tables_written(function).items() if name in NAMES}


# --- by a table's object --------------------------------------------------------------------------


def puts(order: Any, context: Any) -> None:
    totals.put({"id": order["id"]})


def updates(order: Any, context: Any) -> None:
    totals.update({"id": "all"}, "ADD orders :one", values={":one": 1})


def deletes(order: Any, context: Any) -> None:
    if orders.get({"id": order["id"]}) is not None:
        orders.delete({"id": order["id"]})


def batches(order: Any, context: Any) -> None:
    with totals.batch() as batch:
        batch.put({"id": "all"})


def only_reads(order: Any, context: Any) -> None:
    print(totals.get({"id": "all"}), list(orders.scan()), {"totals": 1}.get("totals"))


async def awaits(order: Any, context: Any) -> None:
    await totals.aio.put({"id": "all"})


def under_another_name(order: Any, context: Any) -> None:
    place = totals
    place.put({"id": "all"})


def in_an_object(order: Any, context: Any) -> None:
    elsewhere.totals.put({"id": "all"})


def in_a_comprehension(order: Any, context: Any) -> None:
    [totals.put({"id": line}) for line in order["lines"]]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (puts, {"totals": PUT}),
        (updates, {"totals": UPDATE}),
        (deletes, {"orders": DELETE}),
        (batches, {"totals": PUT | DELETE}),
        (only_reads, {}),
        (awaits, {"totals": PUT}),
        (under_another_name, {"totals": PUT}),
        (in_an_object, {"totals": PUT}),
        (in_a_comprehension, {"totals": PUT}),
    ],
)
def test_writes_through_tables_are_seen(function: Callable[..., Any], expected: Written) -> None:
    assert seen(function) == expected


# --- through transactions and the API -------------------------------------------------------------


def through_a_transaction(order: Any, context: Any) -> None:
    context.transaction.put(totals, {"id": "all"})
    context.transaction.delete("orders", {"id": order["id"]})


def through_a_transaction_with_a_name(order: Any, context: Any) -> None:
    transaction = context.transaction
    transaction.update(table=elsewhere.totals, key={"id": "all"}, expression="ADD n :one")


def through_boto3(event: Any, context: Any) -> None:
    client = context.client
    client.put_item(TableName="totals", Item={"id": {"S": "all"}})


def through_the_api(event: Any, context: Any) -> None:
    context.app.call("DeleteItem", {"TableName": "orders", "Key": {"id": {"S": "all"}}})


def of_a_table_nobody_knows(event: Any, context: Any) -> None:
    context.transaction.put("something", {"id": "all"})
    context.cache.put("key", "orders")


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (through_a_transaction, {"totals": PUT, "orders": DELETE}),
        (through_a_transaction_with_a_name, {"totals": UPDATE}),
        (through_boto3, {"totals": PUT}),
        (through_the_api, {"orders": DELETE}),
        (of_a_table_nobody_knows, {}),
    ],
)
def test_writes_by_name_are_seen(function: Callable[..., Any], expected: Written) -> None:
    assert seen(function) == expected


# --- through other functions ----------------------------------------------------------------------


def calls_another(order: Any, context: Any) -> None:
    puts(order, context)


def calls_itself(order: Any, context: Any) -> None:
    calls_itself(order, context)
    calls_another(order, context)


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        print(args)
        return function(*args)

    return wrapper


def test_functions_that_are_called_are_looked_at() -> None:
    assert seen(calls_another) == {"totals": PUT}
    assert seen(calls_itself) == {"totals": PUT}
    assert seen(logged(puts)) == {"totals": PUT}
    assert seen(functools.partial(puts, context=None)) == {"totals": PUT}


def test_closures_methods_and_objects_are_looked_at() -> None:
    inside = totals

    def closure(order: Any, context: Any) -> None:
        inside.put({"id": "all"})

    assert seen(closure) == {"totals": PUT}
    assert seen(elsewhere.add) == {"totals": PUT}
    assert seen(elsewhere) == {"totals": PUT}


def test_functions_without_code_to_look_at_write_nothing_seen() -> None:
    assert seen(print) == {}
    assert seen(dict) == {}


def test_instructions_that_later_pythons_join_are_read_as_two() -> None:
    load = next(each for each in dis.get_instructions(puts) if each.opname.startswith("LOAD_"))
    joined = load._replace(opname="STORE_FAST_LOAD_FAST", argval=("place", "other"))
    assert steps_of(joined) == [("STORE_FAST", "place"), ("LOAD_FAST", "other")]
    joined = load._replace(opname="LOAD_FAST_BORROW_LOAD_FAST_BORROW", argval=("one", "two"))
    assert steps_of(joined) == [("LOAD_FAST", "one"), ("LOAD_FAST", "two")]
