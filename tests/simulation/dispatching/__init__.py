"""The dispatcher in seeded schedules: all that a mapping can be, and all that can happen to it."""
