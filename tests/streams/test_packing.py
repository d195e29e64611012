"""Packing: what the log keeps of a record gives the whole record back, byte for byte."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.engine import Change
from pelton.streams.records import pack_record, unpacker_of
from tests.region import Region

VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")

texts = st.text(max_size=40) | st.sampled_from(['","NewImage":', "\0", "é" * 30, "x" * 500])
items = st.dictionaries(
    st.sampled_from(["a", "b", "NewImage", "OldImage", ',"Keys":']),
    st.builds(lambda text: {"S": text}, texts),
)


@pytest.fixture(scope="module")
def table() -> Any:
    region = Region()
    region.create(stream="NEW_AND_OLD_IMAGES")
    yield region.database.catalog.tables["things"]
    region.close()


@given(
    keys=st.builds(lambda a, b: {"NewImage": {"S": a}, "id": {"S": b}}, texts, texts),
    old=st.none() | items,
    new=st.none() | items,
    view=st.sampled_from(VIEWS),
)
def test_a_record_comes_back_as_it_was(
    table: Any, keys: Any, old: Any, new: Any, view: str
) -> None:
    if old is None and new is None:
        return
    bodies = [None if item is None else orjson.dumps(item) for item in (old, new)]
    change = Change(table, 0, keys, 7, bodies[0], 100, bodies[1], 1000, 0, 0, None)
    body = unpacker_of("arn", view, "us-east-1")(pack_record(change, view), 5, 2_999)
    record = orjson.loads(body)
    expected: dict[str, Any] = {
        "ApproximateCreationDateTime": 2,
        "Keys": keys,
        "SequenceNumber": "100000000000000000005",
        "SizeBytes": 7,
        "StreamViewType": view,
    }
    if old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        expected["OldImage"] = old
        expected["SizeBytes"] += 100
    if new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        expected["NewImage"] = new
        expected["SizeBytes"] += 1000
    assert record["dynamodb"] == expected
    assert record["eventName"] == (
        "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    )


def test_a_large_item_of_which_little_changed_takes_little_more_than_one_image(table: Any) -> None:
    old, new = (
        orjson.dumps({"id": {"S": "a"}, "text": {"S": "x" * 5_000}, "n": {"N": number}})
        for number in ("1", "22")
    )
    change = Change(table, 0, {"id": {"S": "a"}}, 3, old, 5_012, new, 5_013, 0, 0, None)
    packed = pack_record(change, "NEW_AND_OLD_IMAGES")
    assert len(packed) < len(new) + 100
