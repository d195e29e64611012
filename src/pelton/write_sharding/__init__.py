"""Write sharding: a hot partition key spread over several, and read as the one it is.

The engine sees plain items under suffixed keys and a tag, so that any other client can read them.
"""

from .write_shards import TAG_KEY, WriteShards

__all__ = ["TAG_KEY", "WriteShards"]
