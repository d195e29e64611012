"""Public suites against pelton: what is run, what is skipped, and what counts as worse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conformance.__main__ import SUITES, main
from conformance.record import Record, compare, load_record
from conformance.suite import Outcome

ROOT = Path(__file__).parent.parent
TESTS = """
import os
import urllib.request

import pytest


def url():
    name, url = os.environ["DYNAMODB_URLS"].split("=")
    assert name == "pelton"
    return url


def test_that_passes():
    assert urllib.request.urlopen(url()).status == 200


def test_that_fails():
    assert "AWS" == "pelton"


def test_that_is_skipped():
    pytest.skip("not here")
"""


@pytest.fixture(autouse=True)
def no_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    for suite in SUITES.values():
        monkeypatch.delenv(suite.variable, raising=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of aiodynamo with three tests, and this Python as that of its environment."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    tests = tmp_path / "tests" / "integration" / "test_three.py"
    tests.parent.mkdir(parents=True)
    tests.write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def test_a_suite_without_a_checkout_is_skipped_and_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 0
    output = capsys.readouterr().out
    for suite in SUITES.values():
        assert f"{suite.name}: {suite.variable} names no checkout of {suite.source}" in output


def test_a_checkout_without_what_it_needs_is_skipped_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = SUITES["dynamodb-conformance"]
    monkeypatch.setenv(suite.variable, str(tmp_path))
    assert main([suite.name]) == 0
    assert (
        "has no node_modules: there, rm package-lock.json && npm install" in capsys.readouterr().out
    )


def test_a_failure_without_a_reason_ends_the_command_with_1(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PELTON_AIODYNAMO", str(checkout))
    assert main(["aiodynamo"]) == 1
    output = capsys.readouterr().out
    assert "aiodynamo: failed: tests.integration.test_three::test_that_fails: " in output
    assert "test_that_passes" not in output
    passed = load_record(SUITES["aiodynamo"]).passed
    assert f"aiodynamo: {passed} passed when it was recorded" in output


def test_a_suite_that_does_not_run_is_worse_and_shows_what_it_said(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / ".venv" / "bin" / "python").write_text("#!/bin/sh\necho no Python here\n")
    monkeypatch.setenv("PELTON_AIODYNAMO", str(checkout))
    assert main(["aiodynamo"]) == 1
    assert "no Python here" in capsys.readouterr().out


def test_a_known_failure_is_no_worse_and_one_that_passes_is_told() -> None:
    record = Record("abc", 1, {"b": "AWS refuses that too", "c": "so does it this"})
    verdict = compare(Outcome(passed={"a", "c"}, failed={"b": "400"}), record)
    assert not verdict.worse
    assert verdict.recovered == ["c"]


def test_a_test_that_no_longer_runs_is_worse() -> None:
    verdict = compare(Outcome(passed={"a"}, skipped={"b"}), Record("abc", 2, {}))
    assert verdict.passed_too_few == 1
    assert verdict.worse


def test_tests_of_one_name_are_told_apart_in_their_order() -> None:
    outcome = Outcome()
    for failure in (None, "400", None):
        outcome.add("same", failure)
    assert outcome.passed == {"same", "same (3)"}
    assert outcome.failed == {"same (2)": "400"}


@pytest.mark.parametrize("name", SUITES)
def test_every_known_failure_has_its_reason_in_a_line(name: str) -> None:
    record = load_record(SUITES[name])
    assert len(record.commit) == 40
    assert record.passed > 0
    for test, reason in record.failures.items():
        assert test == test.strip()
        assert len(reason.split()) >= 3
        assert "\n" not in reason


def test_the_compatibility_page_has_the_recorded_counts() -> None:
    page = (ROOT / "docs" / "COMPATIBILITY.md").read_text()
    for suite in SUITES.values():
        record = load_record(suite)
        row = f"| [{suite.source}](https://github.com/{suite.source}) "
        assert f"{row}| {record.passed:,} | {len(record.failures)} |" in page


def test_it_runs_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "conformance", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0
    for name in SUITES:
        assert name in run.stdout
