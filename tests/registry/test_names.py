import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_ml.errors import InvalidNameError
from warehouse_ml.registry.names import alias_name, model_name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is empty"),
        ("a" * 64, "64 characters, and 63 is the most"),
        ("1st", "begins with a digit"),
        ("a.b", r"'\.' is not"),
        ("a b", "' ' is not"),
        ("a\n", r"'\\n' is not"),
        ('a"; DROP TABLE t', "'\"' is not"),
        ("churn🙂", "'🙂' is not"),
        ("\u212aelvin", "is not an ASCII letter"),
        ("naïve", "'ï' is not"),
    ],
)
def test_names_that_sql_would_have_to_quote(name, reason):
    with pytest.raises(InvalidNameError, match=reason):
        model_name(name)


@pytest.mark.parametrize("name", ["Churn", "_x", "A" * 63, "select", "m_2"])
def test_names_are_stored_in_lower_case(name):
    assert model_name(name) == name.lower()


@pytest.mark.parametrize("alias", ["latest", "LATEST", "asof", "AsOf_x", "3"])
def test_aliases_that_mean_something_else(alias):
    with pytest.raises(InvalidNameError):
        alias_name(alias)


@given(st.text(max_size=70))
def test_a_name_is_an_identifier_or_refused(text):
    try:
        name = model_name(text)
    except InvalidNameError:
        return
    assert name.isidentifier()
    assert name.isascii()
    assert 0 < len(name) <= 63
