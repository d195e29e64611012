"""Invocations: calls of functions that somebody asks for, as by Lambda's Invoke."""

from .events import EventQueue
from .failures import ThrottledInvocation
from .invoker import Answer, Invocation, Invoker
from .log import Tail

__all__ = ["Answer", "EventQueue", "Invocation", "Invoker", "Tail", "ThrottledInvocation"]
