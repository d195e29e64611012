"""Partitions: what a table is divided into, how large and how hot they are, and how they divide."""

from .partition import Partition, PartitionLimits, divide_tokens

__all__ = ["Partition", "PartitionLimits", "divide_tokens"]
