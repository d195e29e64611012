"""Processes of handlers: functions that run apart from the app, and may die without harm to it.

A process belongs to one function. It imports the function's module, calls it for what it is sent,
and asks for what it reads and writes. Nothing in it has the app's file open.
"""
