"""Handlers in processes of their own: what they do there, and that their death is theirs alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from pelton.handlers import Context, Dispatcher, EventSourceMapping, Handler
from pelton.handlers.calling import Caller
from pelton.handlers.functions import Function
from pelton.handlers.invocations.invoker import Invocation, Invoker
from pelton.handlers.observing import Call
from tests.handlers.isolated import functions
from tests.handlers.stage import Stage, on_batch, on_change, on_insert

SECONDS_MAX = 240.0
"""Only what is broken takes as long, on a machine that has a lot else to do."""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def things(stage: Stage) -> Stage:
    stage.source()
    stage.create("totals")
    return stage


def error_of(stage: Stage) -> tuple[str, str, str]:
    """The type, the text and the traceback of the only dead letter."""
    (letter,) = stage.all("pelton.dead-letters")
    return letter["error_type"], letter["error_message"], letter["traceback"]


def pids(dispatcher: Dispatcher) -> set[int]:
    return dispatcher.process_ids()


def is_there(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + SECONDS_MAX
    while is_there(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_there(pid)


# --- what they do --------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [functions.count, functions.count_async])
def test_a_handler_in_a_process_counts_exactly_once(things: Stage, function: Any) -> None:
    for number in range(5):
        things.save(id=str(number))
    dispatcher = things.run(on_insert(function, run_in="process"))
    assert things.load("totals", id="all") == {"id": "all", "n": 5}
    found = {item["pid"] for item in things.all("totals") if "pid" in item}
    assert found == pids(dispatcher), "one process did all of the run, and waits for the next"
    assert os.getpid() not in found


def test_a_batch_handler_reads_and_writes_and_answers(things: Stage) -> None:
    for number in range(4):
        things.save(id=str(number), n=number)
    mapping = on_batch(
        functions.sum_up,
        run_in="process",
        batch_size=2,
        function_response_types=("ReportBatchItemFailures",),
    )
    dispatcher = things.run(mapping)
    assert things.load("totals", id="sum") == {"id": "sum", "n": 6}
    stats = dispatcher.stats()["sum_up"]
    assert (stats.batches, stats.records, stats.failures) == (2, 4, 0)


def test_the_context_is_the_same_as_in_the_app(things: Stage) -> None:
    things.save(id="a")
    mapping = on_change(functions.tell, run_in="process", memory_limit_mb=512, version="7")
    things.run(mapping)
    there = things.load("totals", id="told")
    things.run(on_change(functions.tell, version="7", name="other"))
    here = things.load("totals", id="told")
    assert there is not None and here is not None
    assert there.pop("memory_limit_in_mb") == "512" != here.pop("memory_limit_in_mb")
    assert there.pop("aws_request_id") != here.pop("aws_request_id")
    assert {name: str(value).replace("tell", "other") for name, value in there.items()} == {
        name: str(value) for name, value in here.items()
    }


def test_what_the_table_refuses_is_raised_in_the_handler(things: Stage) -> None:
    things.save(id="a")
    things.run(on_insert(functions.misuse, run_in="process"))
    refusal = things.load("totals", id="refusal")
    assert refusal is not None
    assert refusal["error"].startswith("ValidationException(")
    assert "Missing the key id in the item" in refusal["error"]


def test_an_exception_comes_with_its_name_and_its_traceback(things: Stage) -> None:
    things.save(id="a", how="raise")
    dispatcher = things.run(on_insert(functions.count, run_in="process", maximum_retry_attempts=1))
    kind, text, traceback = error_of(things)
    assert (kind, text) == ("LookupError", "no such shelf")
    assert "in act" in traceback and "processes/child.py" not in traceback
    assert things.all("totals") == []
    assert len(pids(dispatcher)) == 1, "an exception costs no process"


def test_an_answer_that_is_no_json_fails_as_on_aws(things: Stage) -> None:
    things.save(id="a")
    things.run(on_batch(functions.answer_oddly, run_in="process", maximum_retry_attempts=0))
    kind, text, _ = error_of(things)
    assert (kind, text) == ("MarshalError", "Object of type object is not JSON serializable")


# --- how they end --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how, words",
    [
        ("exit", "Runtime exited with error: exit status 3"),
        ("exit quietly", "Runtime exited without providing a reason"),
        ("kill", "Runtime exited with error: signal: killed"),
        ("segfault", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_the_death_of_a_process_is_a_failed_attempt(things: Stage, how: str, words: str) -> None:
    for name in "abcd":
        things.save(id=name, how=how if name == "c" else "")
    dispatcher = things.run(on_insert(functions.count, run_in="process", maximum_retry_attempts=1))
    kind, text, _ = error_of(things)
    assert kind == "ProcessExitedError"
    request_id = text.split()[1]
    assert text == f"RequestId: {request_id} Error: {words}"
    assert things.load("totals", id="all") == {"id": "all", "n": 3}
    stats = dispatcher.stats()["count"]
    assert (stats.records, stats.failures, stats.dead_letters) == (3, 2, 1)
    assert len({item["pid"] for item in things.all("totals") if "pid" in item}) == 2


def test_what_a_process_wrote_before_it_died_counts_once(things: Stage) -> None:
    for name in "abc":
        things.save(id=name, how="kill" if name == "b" else "", once=True)
    things.run(on_insert(functions.count, run_in="process"))
    assert things.load("totals", id="all") == {"id": "all", "n": 3}


def test_calls_in_a_process_are_observed_one_by_one(things: Stage) -> None:
    seen: list[tuple[str, str, str]] = []

    class Observer:
        @contextmanager
        def around(self, call: Call) -> Iterator[None]:
            keys = orjson.loads(call.records[0].body)["dynamodb"]["Keys"]
            try:
                yield
            except BaseException as error:
                seen.append((call.handler_name, keys["id"]["S"], type(error).__name__))
                raise
            seen.append((call.handler_name, keys["id"]["S"], "done"))

    for name in "abc":
        things.save(id=name, how="raise" if name == "b" else "", once=True)
    dispatcher = Dispatcher(
        things.database,
        things.streams,
        [on_insert(functions.count, run_in="process")],
        scheduler=things.scheduler(),
        observers=[Observer()],
    )
    things.dispatchers.append(dispatcher)
    dispatcher.start()
    dispatcher.drain()
    outcomes = [("a", "done"), ("b", "LookupError"), ("b", "done"), ("c", "done")]
    assert seen == [("count", *each) for each in outcomes]


def test_an_exit_of_the_interpreter_is_an_exception_as_on_a_thread(things: Stage) -> None:
    things.save(id="a", how="sys.exit")
    things.run(on_insert(functions.count, run_in="process", maximum_retry_attempts=0))
    assert error_of(things)[:2] == ("SystemExit", "3")


def test_memory_has_a_limit(things: Stage) -> None:
    things.save(id="a", how="memory")
    options: dict[str, Any] = {"run_in": "process", "memory_limit_mb": 256}
    dispatcher = things.run(on_insert(functions.count, maximum_retry_attempts=0, **options))
    assert error_of(things)[0] == "MemoryError"
    assert pids(dispatcher) == set(), "a process that ran out of memory is not used again"
    things.save(id="b")
    dispatcher.drain()
    assert things.load("totals", id="all") == {"id": "all", "n": 1}


@pytest.mark.parametrize("how", ["hang", "never let go"])
def test_a_process_that_takes_too_long_is_ended(things: Stage, how: str, tmp_path: Path) -> None:
    things.save(id="a")
    things.save(id="b", how=how, once=True, path=str(tmp_path / "pid"))
    things.save(id="c")
    dispatcher = things.run(on_insert(functions.count, run_in="process", timeout_seconds=0.2))
    assert things.load("totals", id="all") == {"id": "all", "n": 3}
    stats = dispatcher.stats()["count"]
    assert stats.failures == 1
    assert stats.last_error is not None
    assert stats.last_error.endswith("Task timed out after 0.20 seconds")
    assert len(pids(dispatcher)) == 1
    assert dispatcher.hung_calls() == {}


def test_what_is_no_message_ends_the_process(things: Stage) -> None:
    things.save(id="a", how="garbage")
    dispatcher = things.run(on_insert(functions.count, run_in="process", maximum_retry_attempts=0))
    assert error_of(things)[0] == "ProcessExitedError"
    assert pids(dispatcher) == set()


def test_a_process_that_dies_while_it_waits_is_nobodys_failure(things: Stage) -> None:
    things.save(id="a")
    dispatcher = things.run(on_insert(functions.count, run_in="process"))
    (pid,) = pids(dispatcher)
    os.kill(pid, signal.SIGKILL)
    things.save(id="b")
    dispatcher.drain()
    assert things.load("totals", id="all") == {"id": "all", "n": 2}
    assert dispatcher.stats()["count"].failures == 0
    assert pid not in pids(dispatcher)


def test_processes_end_with_their_dispatcher(things: Stage) -> None:
    things.save(id="a")
    dispatcher = things.run(on_insert(functions.count, run_in="process"))
    (pid,) = pids(dispatcher)
    dispatcher.stop()
    assert not Path(f"/proc/{pid}").exists(), "not even a zombie is left"
    assert pids(dispatcher) == set()


PARENT = """\
import sys
from tests.handlers.isolated import functions
from tests.handlers.stage import Stage, on_insert

stage = Stage()
stage.source()
stage.create("totals")
stage.save(id="a", how="never let go", path=sys.argv[1])
stage.run(on_insert(functions.count, run_in="process"))
"""


def test_processes_die_with_an_app_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PARENT, str(told)], cwd=ROOT) as parent:
        deadline = time.monotonic() + SECONDS_MAX
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        pid = int(told.read_text())
        assert is_there(pid)
        parent.kill()
    assert wait_until_gone(pid), "it holds Python and cannot see that its app is gone"


# --- what can run in one -------------------------------------------------------------------------


def test_a_function_that_no_process_could_import_is_refused_at_once() -> None:
    def local(item: dict[str, Any], context: Context) -> None:
        raise NotImplementedError

    with pytest.raises(ValueError, match="only exists within a function or has no name: move it"):
        on_insert(local, run_in="process")
    local.__module__ = "__main__"
    with pytest.raises(ValueError, match=r"the program that is started \(__main__\): move it"):
        on_insert(local, run_in="process")
    with pytest.raises(ValueError, match="is for functions of a module"):
        EventSourceMapping(Handler("each", _Callable()), "things", run_in="process")


class _Callable:
    def __call__(self, event: dict[str, Any], context: Context) -> None:
        raise NotImplementedError


def test_a_module_that_cannot_be_imported_is_a_failed_attempt(things: Stage) -> None:
    def lost(item: dict[str, Any], context: Context) -> None:
        raise NotImplementedError

    lost.__module__, lost.__qualname__ = "tests.handlers.isolated.nowhere", "lost"
    things.save(id="a")
    dispatcher = things.run(on_insert(lost, run_in="process", maximum_retry_attempts=1))
    kind, text, _ = error_of(things)
    assert kind == "ModuleNotFoundError"
    assert "tests.handlers.isolated.nowhere" in text
    assert dispatcher.stats()["lost"].failures == 2
    assert pids(dispatcher) == set()


def test_an_app_may_stand_in_the_module_of_its_handlers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELTON_TEST_FILE", str(tmp_path / "shop.db"))
    monkeypatch.delitem(sys.modules, "tests.handlers.isolated.shop", raising=False)
    from tests.handlers.isolated import shop

    with shop.app:
        for number in range(3):
            shop.orders.put({"order_id": str(number), "n": number})
        shop.app.drain(SECONDS_MAX)
        assert shop.totals.get({"id": "all"}) == {"id": "all", "n": 3}
        items = {item["id"]: item for item in shop.totals.scan()}
        days = list(shop.days.query("#d = :d", names={"#d": "day"}, values={":d": "today"}))
        assert [item["at"] for item in days] == ["0", "1", "2"]
        others = {item["pid"] for item in (*days, *items.values()) if "pid" in item}
        assert len(others) >= 2 and os.getpid() not in others
        for number in range(3):
            assert items[f"day {number}"]["day"] == "today", "keys are those of before the shards"
            assert items[f"mail {number}"]["key"].endswith("/total/0")
        assert "direct" not in items
        letters = list(shop.app.dead_letters.list())
        assert {letter.handler_name for letter in letters} == {"reach_out"}
        assert str(letters[0].error_message).startswith("this process only runs a handler")


def test_a_module_that_starts_its_app_is_told_not_to(things: Stage) -> None:
    from tests.handlers.isolated.starter import note

    things.save(id="a")
    things.run(on_insert(note, run_in="process", maximum_retry_attempts=0))
    kind, text, _ = error_of(things)
    assert kind == "RuntimeError"
    assert text.endswith('put that under `if __name__ == "__main__"`')


# --- called by request ---------------------------------------------------------------------------


@pytest.fixture
def caller() -> Iterator[Caller]:
    caller = Caller()
    yield caller
    caller.close()


def answer_to(stage: Stage, caller: Caller, function: Function, event: Any) -> Any:
    """What an invocation of a function comes to."""
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"
    invocation = Invocation(function, orjson.dumps(event), "r1", arn)
    answer = Invoker(stage.database, caller).invoke(invocation)
    return answer.is_error, orjson.loads(answer.payload)


def test_a_function_that_is_invoked_runs_in_its_process_too(things: Stage, caller: Caller) -> None:
    things.save(id="a", n=4)
    things.save(id="b", n=5)
    event = {"Records": things.records(), "state": "given"}
    function = Function(Handler("sum_up", functions.sum_up), run_in="process")
    told = {"batchItemFailures": [], "n": 9, "more": "given"}
    assert answer_to(things, caller, function, event) == (False, told)
    assert things.load("totals", id="sum") == {"id": "sum", "n": 9}
    assert len(caller.process_ids()) == 1


@pytest.mark.parametrize("how", ["kill", "hang", "raise"])
def test_an_invocation_fails_as_on_aws(things: Stage, caller: Caller, how: str) -> None:
    handler = Handler("act", functions.act)
    function = Function(handler, run_in="process", timeout_seconds=0.2)
    is_error, told = answer_to(things, caller, function, {"how": how})
    assert is_error
    assert (
        told
        == {
            "kill": {
                "errorType": "Runtime.ExitError",
                "errorMessage": "RequestId: r1 Error: Runtime exited with error: signal: killed",
            },
            "hang": {
                "errorType": "Sandbox.Timedout",
                "errorMessage": "RequestId: r1 Error: Task timed out after 0.20 seconds",
            },
            "raise": {
                "errorType": "LookupError",
                "errorMessage": "no such shelf",
                "requestId": "r1",
                "stackTrace": [],
            },
        }[how]
    )
    assert things.all("totals") == []
