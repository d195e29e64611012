"""Seeded schedules of everything that can happen to streams, held against a model of them."""
