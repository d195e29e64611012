"""PartiQL through boto3."""

from __future__ import annotations

from .tables import WireTable, refusal_of


def test_statements_write_and_read(table: WireTable) -> None:
    client = table.client
    client.execute_statement(
        Statement=f"INSERT INTO \"{table.name}\" VALUE {{'id': ?, 'n': 1, 'm': {{'b': 'deep'}}}}",
        Parameters=[{"S": "x"}],
    )
    changed = client.execute_statement(
        Statement=f"UPDATE \"{table.name}\" SET n = n + 1 WHERE id = 'x' RETURNING ALL NEW *"
    )
    assert changed["Items"] == [
        {"id": {"S": "x"}, "n": {"N": "2"}, "m": {"M": {"b": {"S": "deep"}}}}
    ]
    shown = client.execute_statement(
        Statement=f"SELECT n, m.b FROM \"{table.name}\" WHERE id = 'x'"
    )
    assert shown["Items"] == [{"n": {"N": "2"}, "b": {"S": "deep"}}]


def test_an_insert_of_what_is_there(table: WireTable) -> None:
    statement = f"INSERT INTO \"{table.name}\" VALUE {{'id': 'x'}}"
    table.client.execute_statement(Statement=statement)
    assert refusal_of(table.client.execute_statement, Statement=statement) == (
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )


def test_batches_and_transactions(table: WireTable) -> None:
    client, name = table.client, table.name
    inserts = [f"INSERT INTO \"{name}\" VALUE {{'id': '{key}'}}" for key in "xy"]
    client.execute_transaction(TransactStatements=[{"Statement": text} for text in inserts])
    batch = client.batch_execute_statement(Statements=[{"Statement": text} for text in inserts[:1]])
    assert batch["Responses"][0]["Error"]["Code"] == "DuplicateItem"
    reads = [f"SELECT * FROM \"{name}\" WHERE id = '{key}'" for key in "xy"]
    found = client.execute_transaction(TransactStatements=[{"Statement": text} for text in reads])
    assert [each["Item"]["id"] for each in found["Responses"]] == [{"S": "x"}, {"S": "y"}]
