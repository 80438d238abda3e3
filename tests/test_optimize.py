import pytest

from warehouse_ml import optimize
from warehouse_ml.query.bind import BoundStatement
from warehouse_ml.query.parse import parse


def appended(letter: str) -> optimize.Rule:
    return lambda statement: BoundStatement(statement.statement, statement.text + letter)


def test_rules_run_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "RULES", (appended("a"), appended("b")))
    statement = parse("SELECT 1 ")
    assert optimize.optimize(BoundStatement(statement, statement.text)).text == "SELECT 1 ab"
