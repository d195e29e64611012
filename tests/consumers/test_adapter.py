"""Amazon's own consumer: the Kinesis Client Library with its adapter for DynamoDB Streams.

Its leases lie in pelton too. PELTON_KCL_CLASSPATH names the jars; docs/consumers.md says how to
get them.
"""

from __future__ import annotations

import os
import shutil

import pytest

from .consumer import DRIVERS, Consumer
from .source import Source, assert_read_once_in_order, by_item, first_sights
from .tale import TURNS, tell, tell_in_haste

TAKEOVER_SECONDS_MAX = 300
"""A dead worker's leases are given away when its lock has run out, which takes two minutes."""

JARS = os.environ.get("PELTON_KCL_CLASSPATH", "")

pytestmark = [
    pytest.mark.consumers,
    pytest.mark.skipif(not JARS, reason="PELTON_KCL_CLASSPATH does not name the adapter's jars"),
    pytest.mark.skipif(shutil.which("java") is None, reason="no java on the PATH"),
]


def reading(source: Source, worker: str) -> Consumer:
    java = str(shutil.which("java"))
    driver = str(DRIVERS / "ReadWithAdapter.java")
    return Consumer([java, "-cp", JARS, driver, source.url, source.stream_arn, worker])


@pytest.mark.timeout(900)
def test_it_sees_every_change_once_and_in_order_and_another_worker_goes_on(source: Source) -> None:
    source.write(50)
    with reading(source, "first") as consumer:
        tell(source, consumer, TURNS)
        tell_in_haste(source, consumer, TURNS)
        consumer.stop()
        assert_read_once_in_order(source.history, consumer.changes)
        seen = consumer.changes
    source.split()
    source.write(50)
    source.roll_idle()
    with reading(source, "second") as consumer:
        tell(source, consumer, 1)
        consumer.kill()
        seen += consumer.changes
    unread = source.write(20)
    source.split()
    unread += source.write(20)
    with reading(source, "third") as consumer:
        consumer.wait_for(unread, TAKEOVER_SECONDS_MAX)
        tell(source, consumer, 2)
        consumer.stop()
        seen += consumer.changes
    # What the killed worker had not noted is delivered again, as KCL documents.
    assert by_item(first_sights(seen)) == by_item(source.history)
