"""Handler 1: a welcome email to each new user, by SMTP, through the outbox."""

from __future__ import annotations

import hashlib
import smtplib
from collections import Counter
from email.message import EmailMessage
from typing import Any

import pelton

from .inbox import Inbox
from .source import Source


def register(app: pelton.App, users: pelton.Table, smtp_host: str, smtp_port: int) -> None:
    @app.on_insert(users)
    def welcome_email(user: pelton.Item, context: pelton.Context) -> None:
        context.emit("send_letter", {"to": user["email"], "name": user["name"]})

    @app.effect
    def send_letter(letter_to: dict[str, Any], context: pelton.Context) -> None:
        # SMTP stands outside the table's transaction, so after a failure the same letter may be
        # sent again. It then has the same Message-ID, and the receiving side keeps one of them.
        key = hashlib.sha256(context.idempotency_key.encode()).hexdigest()[:32]
        letter = EmailMessage()
        letter["Message-ID"] = f"<{key}@shop.example>"
        letter["From"] = "The shop <hello@shop.example>"
        letter["To"] = letter_to["to"]
        letter["Subject"] = f"Welcome, {letter_to['name']}"
        letter.set_content(f"Dear {letter_to['name']},\n\nit is good to have you here.\n")
        with smtplib.SMTP(smtp_host, smtp_port, timeout=10) as connection:
            connection.send_message(letter)


def check(source: Source, inbox: Inbox) -> list[str]:
    """Every user has exactly one letter. Returns what differs."""
    found = Counter(str(letter["To"]) for letter in inbox.letters.values())
    wanted = Counter(user["email"] for user in source.users)
    return [
        f"{address} has {found[address]} letters instead of {wanted[address]}"
        for address in sorted(found | wanted)
        if found[address] != wanted[address]
    ]
