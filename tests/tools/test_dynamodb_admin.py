"""dynamodb-admin, unchanged, in a browser: what is clicked there happens in the table."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.tables import WireTable

from .admin import Admin, why_absent

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from types_boto3_dynamodb import DynamoDBClient

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(why_absent() is not None, reason=str(why_absent())),
]

PATIENCE_MS = 120_000
"""How long a page may take on a busy machine."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def admin(served: str) -> Iterator[Admin]:
    admin = Admin(served)
    yield admin
    admin.close()


@pytest.fixture
def page(admin: Admin) -> Iterator[Page]:
    """The page of all tables, in a browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra `tools` is missing")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser on the PATH: none of {', '.join(BROWSERS)}")
    sandbox = os.geteuid() != 0  # Chromium refuses root with it.
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=browser, chromium_sandbox=sandbox)
        page = running.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(admin.url)
        yield page
        running.close()


def write_in_editor(page: Page, item: dict[str, Any]) -> None:
    """Replaces what the page's editor holds, by the keyboard."""
    page.locator(".ace_text-input").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(json.dumps(item))
    page.get_by_role("button", name="Save").click()


def test_an_item_is_created_edited_found_and_deleted(page: Page, client: DynamoDBClient) -> None:
    table = WireTable.create(client, "things", "id", "at", types={"at": "N"})
    table.put({"id": {"S": "other"}, "at": {"N": "1"}})
    key = {"id": {"S": "x"}, "at": {"N": "7"}}

    page.reload()
    page.get_by_role("link", name="things").click()
    page.get_by_role("link", name="Create item").click()
    write_in_editor(page, {"id": "x", "at": 7, "tags": ["a", {"b": None}], "price": 1.5})
    page.wait_for_url("**/items/x*7")
    assert table.get(key) == {
        **key,
        "tags": {"L": [{"S": "a"}, {"M": {"b": {"NULL": True}}}]},
        "price": {"N": "1.5"},
    }

    write_in_editor(page, {"id": "x", "at": 7, "price": 2})
    page.locator("#saveButton.btn-success").wait_for()
    assert table.get(key) == {**key, "price": {"N": "2"}}

    page.get_by_role("link", name="things").click()
    page.locator("#items-container tr").nth(1).wait_for()
    page.locator(".filter-row-key").fill("price")
    page.locator(".filter-row-type").select_option("N")
    page.locator(".filter-row-value").fill("2")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**filters=*")
    page.get_by_role("link", name="View").click()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/tables/things")
    assert table.get(key) is None
    assert table.describe()["ItemCount"] == 1


def test_a_refusal_is_shown_in_the_words_of_the_service(page: Page, client: DynamoDBClient) -> None:
    WireTable.create(client, "things", "id")
    page.goto(f"{page.url}tables/things/add-item")
    write_in_editor(page, {"name": "x"})
    assert page.get_by_role("alert").inner_text() == (
        "One or more parameter values were invalid: Missing the key id in the item"
    )


def test_a_table_is_purged_and_deleted(page: Page, client: DynamoDBClient) -> None:
    table = WireTable.create(client, "things", "id")
    for number in range(30):  # More than one BatchWriteItem may delete.
        table.put({"id": {"S": str(number)}})
    page.reload()
    page.on("dialog", lambda dialog: dialog.accept())
    row = page.locator("[data-table-name=things]")
    assert row.locator(".badge-secondary").inner_text().strip() == "30"

    row.get_by_text("Purge").click()
    row.locator(".badge-secondary", has_text=re.compile(r"^\s*0\s*$")).wait_for()
    assert table.call("scan")["Count"] == 0

    row.get_by_text("Delete").click()
    row.wait_for(state="detached")
    assert client.list_tables()["TableNames"] == []


def test_its_form_for_new_tables_meets_the_refusal_it_meets_on_aws(page: Page) -> None:
    # It sends the numbers of its form as strings, which only DynamoDB Local lets through.
    page.get_by_role("link", name="Create table").click()
    page.locator("#TableName").fill("made-by-hand")
    page.locator("#HashAttributeName").fill("id")
    page.get_by_role("button", name="Submit").click()
    assert page.get_by_role("alert").inner_text() == "STRING_VALUE cannot be converted to Long"
