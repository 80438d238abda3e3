from collections.abc import Iterator
from dataclasses import replace

import pytest

import warehouse_ml as wml
from tests.query.sql_catalog import catalog
from warehouse_ml import optimize
from warehouse_ml.errors import RuleFailedWarning, UnknownRuleError
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.query.bound import Applied, BoundStatement
from warehouse_ml.query.splice import Edit


def comment(letter: str) -> optimize.Rule:
    def rule(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
        end = len(statement.statement.text)
        edits = (*statement.edits, Edit(end, end, f" /* {letter} */"))
        return replace(statement, edits=edits, applied=(*statement.applied, Applied(letter, "", "")))

    rule.__name__ = letter
    return rule


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "RULES", (comment("alpha"), comment("beta")))


@pytest.fixture
def session() -> Iterator[wml.Session]:
    with wml.connect() as opened:
        yield opened


def optimized(text: str, *disabled: str) -> BoundStatement:
    return optimize.optimize(catalog().bound(text), None, disabled)


def test_rules_run_in_their_order() -> None:
    assert optimized("FROM t WHERE PREDICT('m') > 0").text.endswith("/* alpha */ /* beta */")


def test_a_rule_that_is_disabled_does_not_run() -> None:
    assert optimized("FROM t WHERE PREDICT('m') > 0", "alpha").text.endswith("> 0 /* beta */")


def test_the_plain_statement_is_kept() -> None:
    text = "SELECT PREDICT('m') AS p FROM t"
    assert optimized(text).plain.text == catalog().sql(text)
    assert optimized(text, "alpha", "beta").plain is None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT PREDICT('m') AS p FROM t",
        "EXPLAIN ANALYZE SELECT PREDICT('m') AS p FROM t",
        "EXPLAIN (FORMAT json) (SELECT PREDICT('m') AS p FROM t)",
        "WITH x AS (FROM t) SELECT PREDICT('m') AS p FROM x",
        "CREATE OR REPLACE TEMP TABLE IF NOT EXISTS a.b (c) AS SELECT PREDICT('m') AS p FROM t",
        "INSERT INTO t SELECT PREDICT('m') FROM t",
        "UPDATE t SET a = PREDICT('m')",
        "DELETE FROM t WHERE PREDICT('m') > 0;",
        "COPY (SELECT PREDICT('m') AS p FROM t) TO 'x'",
    ],
)
def test_what_runs_once_is_optimized(text: str) -> None:
    assert optimized(text).applied


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "CREATE VIEW v AS SELECT PREDICT('m') AS p FROM t",
        "CREATE OR REPLACE TEMP VIEW v AS SELECT PREDICT('m') AS p FROM t",
        "EXPLAIN CREATE VIEW v AS SELECT PREDICT('m') AS p FROM t",
        "CREATE MACRO f(x) AS PREDICT('one', x)",
        "CREATE FUNCTION f(x) AS TABLE SELECT PREDICT('one', x) AS p",
        "CREATE TABLE g (a DOUBLE, p DOUBLE AS (PREDICT('one', a => a)))",
        "CREATE TABLE g (a DOUBLE DEFAULT (PREDICT('one', 1)))",
        "CREATE INDEX i ON t (PREDICT('one', a => a))",
        "PREPARE q AS SELECT PREDICT('m') AS p FROM t",
        "EXECUTE q(PREDICT('one', 1))",
        "ALTER TABLE t ALTER a SET DEFAULT PREDICT('one', 1)",
        "SELECT PREDICT('m') AS p FROM t; SELECT 1",
    ],
)
def test_what_is_stored_is_not(text: str) -> None:
    try:
        bound = catalog().bound(text)
    except wml.errors.WarehouseMLError:
        pytest.fail("the text should bind")
    assert optimize.optimize(bound, None) is bound


@pytest.mark.parametrize(
    ("arguments", "types"),
    [
        ("a, id", ("DOUBLE", "INTEGER")),
        ("*", ("DOUBLE", "DOUBLE")),
        ("b => id + 1, a => ?", (None, "INTEGER")),
        ("a, nope", (None, None)),
        ("1.5::DECIMAL(3, 1), NULL", ("DECIMAL(3,1)", '"NULL"')),
    ],
)
def test_types_of_features_are_asked(arguments: str, types: tuple[str | None, ...]) -> None:
    assert optimized(f"SELECT PREDICT('m', {arguments}) AS p FROM t").calls[0].scores[0].types == types


def test_switches(session: wml.Session) -> None:
    switches = session.optimizer
    assert switches.rules == {"alpha": True, "beta": True}
    switches.disable("alpha")
    assert switches.rules == {"alpha": False, "beta": True}
    with switches.off():
        assert switches.rules == {"alpha": False, "beta": False}
    with switches.without("beta"):
        assert switches.rules == {"alpha": False, "beta": False}
    with switches.only("alpha"):
        assert switches.rules == {"alpha": True, "beta": False}
    assert switches.disabled == {"alpha"}
    switches.enable("alpha")
    assert repr(switches) == "Optimizer(alpha=True, beta=True)"


def test_a_switch_that_is_none_names_the_nearest(session: wml.Session) -> None:
    with pytest.raises(UnknownRuleError, match="no rule 'alfa'. Did you mean 'alpha'"):
        session.optimizer.disable("alfa")


def test_a_cursor_inherits_the_switches(session: wml.Session) -> None:
    session.optimizer.disable("beta")
    cursor = session.cursor()
    session.optimizer.enable("beta")
    assert cursor.optimizer.rules == {"alpha": True, "beta": False}
    cursor.close()


def test_a_rule_with_a_fault_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
        raise KeyError("feature_1")

    monkeypatch.setattr(optimize, "RULES", (comment("alpha"), broken, comment("beta")))
    with pytest.warns(RuleFailedWarning, match="'broken' failed \\(KeyError"):
        assert optimized("SELECT PREDICT('churn', *) FROM customers").text.endswith("/* alpha */ /* beta */")
