"""The outbox: effects outside the file follow what a handler did, under a key that stays."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

import pelton
from pelton.handlers import DEAD_LETTER_TABLE, Context, EventSourceMapping
from pelton.handlers.outbox import effect_mapping, ensure_outbox
from pelton.handlers.transaction import OUTBOX, PAYLOAD_BYTES_MAX
from pelton.server import Server
from tests.conftest import client_of
from tests.handlers.stage import Stage, ids_of, on_batch, on_insert

Calls = list[tuple[Any, str]]
HOUR = 3600
SECONDS_MAX = 60


@pytest.fixture
def calls() -> Calls:
    return []


@pytest.fixture
def post(stage: Stage, calls: Calls) -> EventSourceMapping:
    """An effect that notes what it is called with."""

    def post(payload: Any, context: Context) -> None:
        calls.append((payload, context.idempotency_key))

    stage.source()
    ensure_outbox(stage.database)
    return effect_mapping("post", post)


def emitting(*payloads: Any, effect: str = "post") -> Callable[[dict[str, Any], Context], None]:
    """A handler that emits for each item, with these payloads or the item's id."""

    def welcome(item: dict[str, Any], context: Context) -> None:
        for payload in payloads or (item["id"],):
            context.emit(effect, payload)

    return welcome


def sequence_number(stage: Stage, name: str) -> str:
    """That of the record of an item's insert."""
    (found,) = (
        record["dynamodb"]["SequenceNumber"]
        for record in stage.records()
        if record["dynamodb"]["Keys"]["id"]["S"] == name
    )
    return str(found)


# --- what is emitted happens --------------------------------------------------------------------


def test_an_effect_is_called_with_its_payload_and_leaves_the_outbox(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    payload = {"to": "ada@example.com", "copies": 2, "tags": {"new"}}
    dispatcher = stage.start(on_insert(emitting(payload)), post)
    stage.save(id="a")
    dispatcher.drain()
    key = f"{stage.stream_arn()}/{sequence_number(stage, 'a')}/welcome/0"
    assert calls == [(payload, key)]
    assert stage.all(OUTBOX) == []


def test_an_effect_waits_in_the_outbox_in_the_commit_of_its_handler(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    stage.create("totals")

    def count(item: dict[str, Any], context: Context) -> None:
        context.transaction.update("totals", {"id": "all"}, "ADD n :one", values={":one": 1})
        assert context.emit("post", item["id"]).endswith("/count/0")

    stage.run(post).stop()  # known from here on, but not running
    stage.save(id="a")
    stage.run(on_insert(count)).stop()
    (waiting,) = stage.all(OUTBOX)
    assert (waiting["effect"], waiting["payload"]) == ("post", "a")
    (total,) = stage.call("Scan", TableName="totals")["Items"]
    assert total["n"] == {"N": "1"}
    assert calls == []
    stage.run(on_insert(count), post)
    assert [payload for payload, _ in calls] == ["a"]


def test_a_handler_that_fails_emits_nothing(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    tries: list[str] = []

    def flaky(item: dict[str, Any], context: Context) -> None:
        tries.append(item["id"])
        context.emit("post", f"{item['id']} at try {len(tries)}")
        if len(tries) < 3:
            raise ValueError("not yet")

    dispatcher = stage.start(on_insert(flaky), post)
    stage.save(id="a")
    dispatcher.drain()
    assert [payload for payload, _ in calls] == ["a at try 3"]


def test_a_handler_whose_reads_were_overtaken_emits_once(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    stage.create("totals")
    tries: list[int] = []

    def count(item: dict[str, Any], context: Context) -> None:
        tries.append((context.transaction.get("totals", {"id": "all"}) or {"n": 0})["n"])
        if len(tries) == 1:
            stage.save("totals", id="all", n=7)
        context.emit("post", tries[-1])

    dispatcher = stage.start(on_insert(count), post)
    stage.save(id="a")
    dispatcher.drain()
    assert tries == [0, 7]
    assert [payload for payload, _ in calls] == [7]


def test_the_effects_of_one_call_have_keys_of_their_own(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    dispatcher = stage.start(on_insert(emitting("mail", "mail", "push")), post)
    stage.save(id="a")
    dispatcher.drain()
    assert [payload for payload, _ in calls] == ["mail", "mail", "push"]
    assert [key.rpartition("/")[2] for _, key in calls] == ["0", "1", "2"]


def test_batch_handlers_emit_under_the_key_of_the_batch(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    def digest(event: dict[str, Any], context: Context) -> None:
        context.emit("post", ids_of(event))

    for name in "abc":
        stage.save(id=name)
    stage.run(on_batch(digest), post)
    first, last = sequence_number(stage, "a"), sequence_number(stage, "c")
    assert calls == [(["a", "b", "c"], f"{stage.stream_arn()}/{first}-{last}/digest/0")]


def test_coroutine_functions_emit_and_are_effects(stage: Stage) -> None:
    seen: list[str] = []

    async def welcome(item: dict[str, Any], context: Context) -> None:
        context.emit("post", item["id"])

    async def post(payload: Any, context: Context) -> None:
        seen.append(payload)

    stage.source()
    ensure_outbox(stage.database)
    dispatcher = stage.threaded(on_insert(welcome), effect_mapping("post", post))
    stage.save(id="a")
    dispatcher.drain(60)
    assert seen == ["a"]
    assert stage.all(OUTBOX) == []


def test_each_effect_gets_its_own(stage: Stage, post: EventSourceMapping, calls: Calls) -> None:
    pushed: list[Any] = []

    def push(payload: Any, context: Context) -> None:
        pushed.append(payload)

    def welcome(item: dict[str, Any], context: Context) -> None:
        context.emit("post", f"mail to {item['id']}")
        context.emit("push", f"push to {item['id']}")

    dispatcher = stage.start(on_insert(welcome), post, effect_mapping("push", push))
    for name in "ab":
        stage.save(id=name)
    dispatcher.drain()
    assert sorted(payload for payload, _ in calls) == ["mail to a", "mail to b"]
    assert sorted(pushed) == ["push to a", "push to b"]
    assert stage.all(OUTBOX) == []


def test_an_effect_may_write_and_emit_itself(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    stage.create("sent")

    def charge(payload: Any, context: Context) -> None:
        context.transaction.put("sent", {"id": context.idempotency_key})
        context.emit("post", f"charged {payload}")

    charging = effect_mapping("charge", charge)
    dispatcher = stage.start(on_insert(emitting(effect="charge")), charging, post)
    stage.save(id="a")
    dispatcher.drain()
    key = f"{stage.stream_arn()}/{sequence_number(stage, 'a')}/welcome/0"
    assert stage.all("sent") == [{"id": key}]
    assert [payload for payload, _ in calls] == ["charged a"]


# --- failures -----------------------------------------------------------------------------------


def test_an_effect_that_failed_is_attempted_again_with_the_same_key(stage: Stage) -> None:
    tries: list[tuple[str, int]] = []

    def post(payload: Any, context: Context) -> None:
        tries.append((context.idempotency_key, context.attempt))
        if len(tries) < 3:
            raise ConnectionError("451 busy")

    stage.source()
    ensure_outbox(stage.database)
    dispatcher = stage.start(on_insert(emitting()), effect_mapping("post", post))
    stage.save(id="a")
    dispatcher.drain()
    assert [attempt for _, attempt in tries] == [1, 2, 3]
    assert len({key for key, _ in tries}) == 1
    assert stage.all(OUTBOX) == []


def test_the_effects_of_an_item_keep_their_order_where_one_fails(stage: Stage) -> None:
    done: list[str] = []
    tries: list[str] = []

    def post(payload: Any, context: Context) -> None:
        tries.append(payload)
        if payload == "a1" and tries.count(payload) < 3:
            raise ConnectionError("busy")
        done.append(payload)

    stage.create("things", sort="place", stream="NEW_AND_OLD_IMAGES")
    ensure_outbox(stage.database)

    def welcome(item: dict[str, Any], context: Context) -> None:
        context.emit("post", item["id"] + item["place"])

    dispatcher = stage.start(on_insert(welcome), effect_mapping("post", post), seed=3)
    for place in "123":
        for name in "abcd":
            stage.save(id=name, place=place)
    dispatcher.drain()
    assert tries.count("a1") == 3
    for name in "abcd":
        assert [each for each in done if each[0] == name] == [f"{name}{place}" for place in "123"]


def test_an_order_key_keeps_the_effects_of_several_items_in_order(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    def by_city(item: dict[str, Any], context: Context) -> None:
        context.emit("post", item["id"], order_key=item["city"])

    stage.run(post).stop()
    for name, city in (("a", "Oslo"), ("b", "Rome"), ("c", "Oslo")):
        stage.save(id=name, city=city)
    stage.run(on_insert(by_city)).stop()
    orders = {item["payload"]: item["order_key"] for item in stage.all(OUTBOX)}
    assert orders["a"] == orders["c"] != orders["b"]


def test_effects_that_happen_at_once_keep_the_order_of_each_item(stage: Stage) -> None:
    """Calls that wait for one another only end when all of them run."""
    meeting = threading.Barrier(5, timeout=SECONDS_MAX)
    calls = itertools.count(1)
    done: list[str] = []

    def post(payload: Any, context: Context) -> None:
        if next(calls) <= 5:
            meeting.wait()
        done.append(payload)

    def welcome(item: dict[str, Any], context: Context) -> None:
        context.emit("post", item["id"] + item["place"])

    stage.create("things", sort="place", stream="NEW_AND_OLD_IMAGES")
    ensure_outbox(stage.database)
    for place in "123":
        for name in "abcdefghijklmnopqrstuvwxyz":
            stage.save(id=name, place=place)
    effect = effect_mapping("post", post, parallelization_factor=10)
    stage.threaded(on_insert(welcome), effect).drain(SECONDS_MAX)
    assert len(done) == 3 * 26
    for name in "abcdefghijklmnopqrstuvwxyz":
        assert [each for each in done if each[0] == name] == [f"{name}{place}" for place in "123"]


def test_an_effect_that_was_given_up_happens_when_its_letter_is_delivered_again() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    keys: list[str] = []

    @app.effect("post", maximum_retry_attempts=0)
    def post(payload: Any, context: pelton.Context) -> None:
        keys.append(context.idempotency_key)
        if len(keys) == 1:
            raise ConnectionError("no mail today")

    @app.on_insert(users)
    def welcome(user: pelton.Item, context: pelton.Context) -> None:
        context.emit("post", user["id"])

    with app:
        users.put({"id": "a"})
        app.drain(SECONDS_MAX)
        assert app.call("Scan", {"TableName": OUTBOX})["Count"] == 1
        app.dead_letters.redrive("post")
        assert app.call("Scan", {"TableName": OUTBOX})["Count"] == 0
    assert keys[0] == keys[1]
    assert len(keys) == 2


def test_an_effect_that_is_given_up_is_a_dead_letter_and_stays_in_the_outbox(stage: Stage) -> None:
    def post(payload: Any, context: Context) -> None:
        raise ConnectionError("no such address")

    stage.source()
    ensure_outbox(stage.database)
    effect = effect_mapping("post", post, maximum_retry_attempts=1)
    dispatcher = stage.start(on_insert(emitting()), effect)
    stage.save(id="a")
    dispatcher.drain()
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert (letter["handler_name"], letter["attempts"]) == ("post", 2)
    assert '"payload":{"S":"a"}' in letter["record_json"]
    assert [item["payload"] for item in stage.all(OUTBOX)] == ["a"]


def test_an_effect_that_nobody_has_registered_cannot_be_emitted(
    stage: Stage, post: EventSourceMapping
) -> None:
    handler = on_insert(emitting(effect="psot"), maximum_retry_attempts=0)
    dispatcher = stage.start(handler, post)
    stage.save(id="a")
    dispatcher.drain()
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert letter["error_message"].startswith("there is no effect 'psot': register its function")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("x" * (PAYLOAD_BYTES_MAX + 1), "has 405,505 bytes, and 405,504 are the most"),
        ({"when": object()}, "payload.when: object is not a DynamoDB type"),
        ({"share": float("nan")}, "payload.share: nan is not a DynamoDB number"),
    ],
)
def test_a_payload_that_no_item_can_hold_is_refused(
    stage: Stage, post: EventSourceMapping, payload: Any, words: str
) -> None:
    handler = on_insert(emitting(payload), maximum_retry_attempts=0)
    dispatcher = stage.start(handler, post)
    stage.save(id="a")
    dispatcher.drain()
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert words in letter["error_message"]
    assert stage.all(OUTBOX) == []


def test_the_largest_payload_is_taken(stage: Stage, post: EventSourceMapping, calls: Calls) -> None:
    largest = "x" * PAYLOAD_BYTES_MAX
    handler = on_insert(emitting(largest), name="h" * 255)
    dispatcher = stage.start(handler, post)
    stage.save(id="a")
    dispatcher.drain()
    assert [payload for payload, _ in calls] == [largest]


def test_nothing_is_emitted_once_the_handler_has_returned(
    stage: Stage, post: EventSourceMapping
) -> None:
    kept: list[Context] = []

    def keep(item: dict[str, Any], context: Context) -> None:
        kept.append(context)

    dispatcher = stage.start(on_insert(keep), post)
    stage.save(id="a")
    dispatcher.drain()
    with pytest.raises(RuntimeError, match="this transaction is over"):
        kept[0].emit("post", "late")


# --- nothing is lost ----------------------------------------------------------------------------


def test_what_waits_in_the_outbox_outlives_the_streams_retention(
    stage: Stage, post: EventSourceMapping, calls: Calls
) -> None:
    stage.run(post).stop()
    stage.save(id="a")
    stage.run(on_insert(emitting())).stop()
    stage.clock.advance(seconds=100 * HOUR)
    stage.streams.roll_aged()
    stage.streams.trim()
    stage.run(post)
    assert [payload for payload, _ in calls] == ["a"]


# --- the face -----------------------------------------------------------------------------------


def test_an_app_registers_effects_under_their_names() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    seen: list[Any] = []

    @app.effect
    def push(payload: Any, context: pelton.Context) -> None:
        seen.append(payload)

    @app.effect("welcome-mail", maximum_retry_attempts=0)
    def post(payload: Any, context: pelton.Context) -> None:
        raise ConnectionError("no mail today")

    @app.on_insert(users)
    def welcome(user: pelton.Item, context: pelton.Context) -> None:
        context.emit("push", user["id"])
        context.emit("welcome-mail", user["id"])

    with app:
        users.put({"id": "a"})
        app.drain(60)
        stats = app.stats()
    assert seen == ["a"]
    assert (stats["push"].dead_letters, stats["welcome-mail"].dead_letters) == (0, 1)


def test_an_effect_has_a_name_that_no_handler_has() -> None:
    app = pelton.App()

    @app.effect("post")
    def one(payload: Any, context: pelton.Context) -> None: ...

    with pytest.raises(ValueError, match="there is a handler 'post' already"):

        @app.effect("post")
        def other(payload: Any, context: pelton.Context) -> None: ...

    app.close()


def test_a_function_that_is_invoked_emits_too() -> None:
    app = pelton.App()
    seen: list[tuple[Any, str]] = []

    @app.effect
    def post(payload: Any, context: pelton.Context) -> None:
        seen.append((payload, context.idempotency_key))

    @app.function()
    def invite(event: dict[str, Any], context: Any) -> None:
        for name in event["names"]:
            context.emit("post", name)

    with app, Server(app.database, port=0, apps=[app]) as server:
        client = client_of("lambda", server.url)
        answer = client.invoke(FunctionName="invite", Payload=b'{"names": ["a", "b"]}')
        request_id = answer["ResponseMetadata"]["RequestId"]
        app.drain(60)
        client.close()
    assert [payload for payload, _ in seen] == ["a", "b"]
    assert [key.partition("function:")[2] for _, key in seen] == [
        f"invite/{request_id}/0",
        f"invite/{request_id}/1",
    ]
