"""The app of these tests: a table of orders, and functions that tell what they were called with."""

from __future__ import annotations

import logging
import sys
import threading
from decimal import Decimal
from typing import Any

from pelton import App


class Shop:
    """What the functions have done is in `calls`; some wait at the `gate`, or open it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.calls: list[Any] = []
        self.names: set[str] = set()
        self.gate = threading.Event()
        self.orders = app.table("orders", partition_key="id", stream="NEW_AND_OLD_IMAGES")
        app.function()(self.echo)
        app.function()(self.fail)
        app.function(timeout_seconds=0.05)(self.hang)
        app.function(name="book", concurrency_max=5)(self.book)
        app.function()(self.later)
        app.function()(self.speak)
        app.function()(self.leave)
        app.function()(self.answer)
        app.function()(self.note)
        app.function(name="note_too")(self.note)

    def noted(self) -> list[str]:
        """The orders that mappings have brought, sorted: partitions come in no order."""
        return sorted(
            record["dynamodb"]["Keys"]["id"]["S"]
            for event in self.calls
            for record in event["Records"]
        )

    def note(self, event: Any, context: Any) -> None:
        self.calls.append(event)
        self.names.add(context.function_name)

    def echo(self, event: Any, context: Any) -> Any:
        """Gives back the event and what it knows of the call."""
        return {
            "event": event,
            "name": context.function_name,
            "version": context.function_version,
            "arn": context.invoked_function_arn,
            "request": context.aws_request_id,
            "memory": context.memory_limit_in_mb,
            "group": context.log_group_name,
            "remaining_ms": context.get_remaining_time_in_millis(),
            "custom": getattr(context.client_context, "custom", None),
        }

    def fail(self, event: Any, context: Any) -> None:
        self.calls.append((context.aws_request_id, context.attempt))
        raise KeyError("no such order")

    def hang(self, event: Any, context: Any) -> None:
        context.transaction.put(self.orders, {"id": "too late"})
        self.gate.wait(30)
        self.calls.append("went on")

    def book(self, event: Any, context: Any) -> str:
        context.transaction.put(self.orders, {"id": event["id"], "lines": 1})
        return "booked"

    async def later(self, event: Any, context: Any) -> Any:
        self.calls.append(event)
        self.gate.set()
        return event

    def speak(self, event: Any, context: Any) -> None:
        print("printed")
        logging.getLogger("shop").warning("logged")

    def leave(self, event: Any, context: Any) -> None:
        sys.exit(event["status"])

    def answer(self, event: Any, context: Any) -> Any:
        return {
            "decimals": {"sum": [Decimal("12.5"), Decimal(3)]},
            "object": object(),
            "large": "x" * 6_291_555,
            "nothing": None,
        }[event]
