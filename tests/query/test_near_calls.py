"""Which refused statements are taken for a misspelled PREDICT."""

import duckdb
import pytest

from tests.toy_models import twice
from warehouse_ml.errors import CallSyntaxError
from warehouse_ml.query.near_calls import near_call
from warehouse_ml.session import connect

STAR = "Binder Error: STAR expression is only allowed as the root element of an expression."


def is_model(name: str, selector: str) -> bool:
    return (name, selector) in (("it's", ""), ("m", "3"))


@pytest.mark.parametrize(
    ("message", "text", "meant"),
    [
        (STAR, "SELECT PREDIKT('m@3', *) FROM t", "PREDICT"),
        (STAR, "SELECT max(a), predictproba('it''s', t.* EXCLUDE (b)) FROM t", "PREDICT_PROBA"),
        (STAR, "SELECT PREDICT('m', a), TRYPREDICT('m@3', *) FROM t", "TRY_PREDICT"),
        ("002141 (42601): Unknown function PREDCT", "SELECT predct('m@3', a)", "PREDICT"),
    ],
)
def test_a_misspelled_call_is_told(message: str, text: str, meant: str) -> None:
    error = near_call(message, text, "duckdb", is_model)
    assert f"did you mean {meant}? The engine said: {message.removesuffix('.')}." in str(error)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (STAR, "SELECT PREDIKT('other', *) FROM t"),
        (STAR, "SELECT PREDIKT(m, *) FROM t"),
        (STAR, "SELECT PREDIKT('m@3', a), f('m@3', *) FROM t"),
        (STAR, "SELECT PREFIX('m@3', *) FROM t"),
        (STAR, "SELECT PREDICT('m@3', COLUMNS(*)) FROM t"),
        (STAR, """SELECT 'PREDIKT(''m@3'', *)', "PREDIKT('m@3', *)" FROM t"""),
        ("Binder Error: no column b\n\nLINE 1: SELECT PREDIKT('m@3', b)", "SELECT PREDIKT('m@3', b)"),
        ("Binder Error: No function matches 'predikt(VARCHAR)'", "SELECT PREDIKT('m@3', b)"),
        (STAR, "SELECT PREDIKT('m@3', *"),
    ],
)
def test_another_refusal_is_left_to_the_engine(message: str, text: str) -> None:
    assert near_call(message, text, "duckdb", is_model) is None


def test_a_session_tells_it() -> None:
    with connect() as session:
        session._registry.register("m", *twice())
        with pytest.raises(CallSyntaxError, match=r"In PREDIKT\('m', …\): did you mean PREDICT\?"):
            session.sql("SELECT PREDIKT('m', *) FROM (SELECT 1.0 AS a)")
        with pytest.raises(duckdb.BinderException, match="STAR expression"):
            session.sql("SELECT PREDIKT('n', *) FROM (SELECT 1.0 AS a)")
