"""The outbox: effects outside the file, kept in the commit that calls for them and done behind it.

A mail or a request to another server cannot be part of a transaction. So a handler leaves an item
in the table `pelton.outbox`, in one commit with its position and its writes; a mapping on that
table's stream calls the effect's function and takes the item away when it has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson

from ..engine import Database
from ..engine.errors import ResourceInUseException
from .change import RecordChange
from .context import Context
from .handler import Handler, Shape
from .mapping import EventSourceMapping
from .transaction import OUTBOX as OUTBOX


def ensure_outbox(database: Database) -> None:
    """Makes the table unless it is there."""
    if OUTBOX in database.catalog.tables:
        return
    names = {"order_key": "HASH", "idempotency_key": "RANGE"}
    request = {
        "TableName": OUTBOX,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
    try:
        database.call("CreateTable", request)
    except ResourceInUseException:
        pass  # another process was quicker


def effect_mapping(name: str, function: Callable[..., Any], **options: Any) -> EventSourceMapping:
    """The mapping that calls `function(payload, context)` for each effect of that name.

    An effect is committed alone unless `batch_size` is given, so that a crash repeats one at most.
    Raises as EventSourceMapping does.
    """
    handler = _as_effect(Handler(name, function))
    pattern = {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"effect": {"S": [name]}}},
    }
    wanted: dict[str, Any] = {"batch_size": 1, **options}
    return EventSourceMapping(
        handler,
        OUTBOX,
        filter_criteria=(orjson.dumps(pattern).decode(),),
        # What waits in the outbox is nowhere else: it must not leave the stream undone.
        pins_records=True,
        **wanted,
    )


class EffectContext:
    """The context of an effect: that of the delivery, with the idempotency key it was emitted with.

    The key is the same however often the effect is attempted. What is written through
    `transaction` commits together with the effect's removal from the outbox.
    """

    def __init__(self, context: Context, idempotency_key: str) -> None:
        self._context = context
        self.idempotency_key = idempotency_key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _as_effect(effect: Handler) -> Handler:
    """The handler of the outbox's changes that performs an effect."""
    return Handler(effect.name, _performing(effect), Shape.CHANGE, wrap=_as_effect)


def _performing(effect: Handler) -> Callable[[RecordChange, Context], Any]:
    """The function of that handler."""
    function = effect.function

    def told(change: RecordChange, context: Context) -> tuple[Any, EffectContext]:
        assert change.new is not None
        return change.new["payload"], EffectContext(context, change.new["idempotency_key"])

    @wraps(function)
    async def called_on_loop(change: RecordChange, context: Context) -> None:
        await function(*told(change, context))
        context.transaction.delete(OUTBOX, change.keys)

    @wraps(function)
    def called(change: RecordChange, context: Context) -> None:
        function(*told(change, context))
        context.transaction.delete(OUTBOX, change.keys)

    return called_on_loop if effect.is_async else called
