"""Time to live: which items expire, when they are deleted, and as whom."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pelton.engine.sweeping import delete_expired
from pelton.engine.time_to_live import AGE_SECONDS_MAX
from pelton.streams import Upkeep
from tests.consistency import index_faults
from tests.region import Answer, Item, N, Region, S, index

NOW = 1_700_000_000
"""What the clock of a new region says, in seconds."""

IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def set_time_to_live(region: Region, *, enabled: bool = True, attribute: str = "ttl") -> Answer:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    return region.call(
        "UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification
    )


def described(region: Region) -> Answer:
    answer: Answer = region.call("DescribeTimeToLive", TableName="things")["TimeToLiveDescription"]
    return answer


def ids(region: Region) -> list[str]:
    return sorted(item["id"]["S"] for item in region.items("Scan", TableName="things"))


def put_expiring(region: Region, identity: str, **more: Any) -> None:
    region.put({"id": S(identity), **more})


def test_time_to_live_is_enabled_described_and_disabled(region: Region) -> None:
    region.create()
    assert described(region) == {"TimeToLiveStatus": "DISABLED"}
    assert set_time_to_live(region) == {
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "ttl"}
    }
    assert described(region) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    set_time_to_live(region, enabled=False)
    assert described(region) == {"TimeToLiveStatus": "DISABLED"}
    set_time_to_live(region, attribute="expires")
    assert described(region)["AttributeName"] == "expires"


@pytest.mark.parametrize(
    ("before", "enabled", "attribute", "message"),
    [
        ("ttl", True, "ttl", "TimeToLive is already enabled"),
        (None, False, "ttl", "TimeToLive is already disabled"),
        (
            "ttl",
            True,
            "other",
            "TimeToLive is active on a different AttributeName: current AttributeName is ttl",
        ),
        (
            "ttl",
            False,
            "other",
            "TimeToLive is active on a different AttributeName: current AttributeName is ttl",
        ),
    ],
)
def test_a_change_that_changes_nothing_is_refused(
    region: Region, before: str | None, enabled: bool, attribute: str, message: str
) -> None:
    region.create()
    if before is not None:
        set_time_to_live(region, attribute=before)
    specification = {"Enabled": enabled, "AttributeName": attribute}
    refusal = region.refusal(
        "UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification
    )
    assert refusal == ("ValidationException", message)


def test_a_table_that_is_not_there_has_none(region: Region) -> None:
    expected = (
        "ResourceNotFoundException",
        "Requested resource not found: Table: things not found",
    )
    specification = {"Enabled": True, "AttributeName": "ttl"}
    assert region.refusal("DescribeTimeToLive", TableName="things") == expected
    assert (
        region.refusal(
            "UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification
        )
        == expected
    )


@pytest.mark.parametrize(
    ("value", "expires"),
    [
        (N(NOW - 1), True),
        (N(NOW), False),  # only once the time has passed
        (N(NOW + 1), False),
        (N(f"{NOW - 1}.75"), True),
        (N(NOW - AGE_SECONDS_MAX + 1), True),
        (N(NOW - AGE_SECONDS_MAX - 2), False),
        (N(NOW * 1000), False),
        (N(-NOW), False),
        (N(0), False),
        (N("1E-130"), False),
        (N("9E125"), False),
        (S(str(NOW - 1)), False),
        ({"NS": [str(NOW - 1)]}, False),
        ({"NULL": True}, False),
    ],
)
def test_only_a_number_of_the_last_five_years_expires(
    region: Region, value: Item, expires: bool
) -> None:
    region.create()
    set_time_to_live(region)
    put_expiring(region, "a", ttl=value)
    assert delete_expired(region.database) == expires
    assert ids(region) == ([] if expires else ["a"])


def test_a_deletion_tells_that_the_service_did_it(region: Region) -> None:
    region.create(stream="NEW_AND_OLD_IMAGES")
    set_time_to_live(region)
    put_expiring(region, "a", ttl=N(NOW + 10))
    region.clock.advance(seconds=11)
    assert delete_expired(region.database) == 1
    put, removal = region.records()
    assert "userIdentity" not in put
    assert removal["eventName"] == "REMOVE"
    assert removal["userIdentity"] == IDENTITY
    assert removal["dynamodb"]["OldImage"] == {"id": S("a"), "ttl": N(NOW + 10)}
    region.put({"id": S("b")})
    region.delete({"id": S("b")})
    assert "userIdentity" not in region.records()[-1]


def test_what_changed_in_time_stays(region: Region) -> None:
    region.create()
    set_time_to_live(region)
    for name in ("put", "updated", "removed", "deleted", "kept", "gone"):
        put_expiring(region, name, ttl=N(NOW + 10), v=N(1))
    put_expiring(region, "put", ttl=N(NOW + 100))
    region.update(
        {"id": S("updated")}, "SET #t = #t + :n", names={"#t": "ttl"}, values={":n": N(90)}
    )
    region.update({"id": S("removed")}, "REMOVE #t", names={"#t": "ttl"})
    region.update({"id": S("gone")}, "SET v = :v", values={":v": N(2)})
    region.delete({"id": S("deleted")})
    put_expiring(region, "kept", ttl=S("never"))
    region.clock.advance(seconds=11)
    assert delete_expired(region.database) == 1
    assert ids(region) == ["kept", "put", "removed", "updated"]


def test_items_that_were_there_before_expire_too(region: Region) -> None:
    region.create()
    put_expiring(region, "a", ttl=N(NOW - 5))
    put_expiring(region, "b", other=N(NOW - 5))
    assert delete_expired(region.database) == 0
    set_time_to_live(region)
    assert delete_expired(region.database) == 1
    assert ids(region) == ["b"]
    set_time_to_live(region, enabled=False)
    put_expiring(region, "a", ttl=N(NOW - 5))
    assert delete_expired(region.database) == 0
    set_time_to_live(region, attribute="other")
    assert delete_expired(region.database) == 1
    assert ids(region) == ["a"]


def test_batches_and_transactions_are_followed(region: Region) -> None:
    region.create()
    set_time_to_live(region)
    expired, fresh = N(NOW - 1), N(NOW + 1)
    puts = [{"PutRequest": {"Item": {"id": S(name), "ttl": expired}}} for name in ("a", "b", "c")]
    region.call("BatchWriteItem", RequestItems={"things": puts})
    region.call(
        "TransactWriteItems",
        TransactItems=[
            {"Put": {"TableName": "things", "Item": {"id": S("a"), "ttl": fresh}}},
            {"Delete": {"TableName": "things", "Key": {"id": S("b")}}},
        ],
    )
    assert delete_expired(region.database) == 1
    assert ids(region) == ["a"]


def test_chunks_delete_the_earliest_first_until_told_to_stop(region: Region) -> None:
    region.create("things", "id", "n", types={"n": "N"}, stream="KEYS_ONLY")
    set_time_to_live(region)
    for number in range(5):
        region.put({"id": S("a"), "n": N(number), "ttl": N(NOW - number - 1)})
    answers = iter((False, False, True))
    stopped = delete_expired(region.database, chunk_items=2, is_stopping=lambda: next(answers))
    assert stopped == 4
    assert region.items("Scan", TableName="things") == [
        {"id": S("a"), "n": N(0), "ttl": N(NOW - 1)}
    ]
    assert delete_expired(region.database, chunk_items=2) == 1
    removed = [
        record["dynamodb"]["Keys"]["n"]["N"]
        for record in region.records()
        if record["eventName"] == "REMOVE"
    ]
    assert removed == ["4", "3", "2", "1", "0"]


def test_a_round_of_upkeep_sweeps(region: Region) -> None:
    region.create()
    set_time_to_live(region)
    put_expiring(region, "a", ttl=N(NOW - 1))
    Upkeep(region.streams).run_round()
    assert ids(region) == []


def test_expiries_outlive_the_process_and_end_with_the_table(tmp_path: Path) -> None:
    first = Region(tmp_path / "region.db")
    first.create()
    set_time_to_live(first)
    put_expiring(first, "a", ttl=N(NOW - 1))
    first.close()
    second = Region(tmp_path / "region.db")
    assert described(second)["AttributeName"] == "ttl"
    assert delete_expired(second.database) == 1
    put_expiring(second, "a", ttl=N(NOW - 1))
    second.call("DeleteTable", TableName="things")
    assert delete_expired(second.database) == 0
    second.create()
    assert described(second) == {"TimeToLiveStatus": "DISABLED"}
    second.close()


def test_a_table_deleted_during_the_sweep_is_passed_over(region: Region) -> None:
    region.create()
    set_time_to_live(region)
    put_expiring(region, "a", ttl=N(NOW - 1))

    def delete_the_table() -> bool:
        region.call("DeleteTable", TableName="things")
        return False

    assert delete_expired(region.database, is_stopping=delete_the_table) == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_sweep_takes_just_what_a_search_of_all_items_finds(region: Region, seed: int) -> None:
    chosen = random.Random(seed)
    region.create(shared=[index("by-t", "t", projection="KEYS_ONLY")])
    set_time_to_live(region)
    expected: dict[str, int | None] = {}
    for _ in range(200):
        name = str(chosen.randrange(30))
        expiry = chosen.choice([None, NOW + chosen.randrange(40)])
        if chosen.random() < 0.2:
            region.delete({"id": S(name)})
            expected.pop(name, None)
        else:
            values = {} if expiry is None else {"ttl": N(expiry), "t": S(str(expiry))}
            put_expiring(region, name, **values)
            expected[name] = expiry
        if chosen.random() < 0.1:
            region.clock.advance(seconds=chosen.randrange(5))
            now = region.clock.now_ms() // 1000
            due = [name for name, at in expected.items() if at is not None and at < now]
            assert delete_expired(region.database, chunk_items=3) == len(due)
            for name in due:
                del expected[name]
    assert ids(region) == sorted(expected)
    assert index_faults(region, "things") == []
