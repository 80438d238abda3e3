import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_ml.engines import open_engine
from warehouse_ml.engines.snowflake_target import connection_settings, shown
from warehouse_ml.errors import SnowflakeTargetError, TargetError

ACCOUNT = {"account": "my_org-acc.eu", "user": "ada"}


@pytest.mark.parametrize(
    ("target", "settings"),
    [
        ("snowflake://prod", {"connection_name": "prod"}),
        ("SNOWFLAKE://my%20prod/", {"connection_name": "my prod"}),
        ("snowflake://ada@my_org-acc.eu", ACCOUNT),
        ("snowflake://ada@my_org-acc.eu/", ACCOUNT),
        ("snowflake://ada@my_org-acc.eu/db", ACCOUNT | {"database": "db"}),
        ("snowflake://ada@my_org-acc.eu/My%2FDB/s%22x", ACCOUNT | {"database": "My/DB", "schema": 's"x'}),
        (
            "snowflake://ada%40corp@my_org-acc.eu?warehouse=w&role=R%201&authenticator=externalbrowser",
            ACCOUNT
            | {"user": "ada@corp", "warehouse": "w", "role": "R 1", "authenticator": "externalbrowser"},
        ),
        ("snowflake://ada:s%3Ac%2Fr%40t@my_org-acc.eu", ACCOUNT | {"password": "s:c/r@t"}),
    ],
)
def test_a_target_is_read(target, settings):
    assert connection_settings(target) == settings


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("duckdb://x", "does not begin"),
        ("snowflake://", "names no connection"),
        ("snowflake:///db", "names no connection"),
        ("snowflake://prod/db", "an account needs its user"),
        ("snowflake://prod?role=x", "an account needs its user"),
        ("snowflake://@acc", "no user"),
        ("snowflake://ada@", "no account identifier"),
        ("snowflake://ada@ac c", "no account identifier"),
        ("snowflake://ada@acc:443", "no account identifier"),
        ("snowflake://ada@acc/a/b/c", "at most a database and a schema"),
        ("snowflake://ada@acc//b", "at most a database and a schema"),
        ("snowflake://ada@acc#x", "'#'"),
        ("snowflake://ada:@acc", "password .* is empty"),
        ("snowflake://ada@acc?warehose=w", "no setting 'warehose'.*'warehouse'"),
        ("snowflake://ada@acc?role=a&role=b", "'role' must have one value"),
        ("snowflake://ada@acc?role=", "'role' must have one value"),
        ("snowflake://ada@acc?role", "not name=value"),
        ("snowflake://ada@acc?password=hunter2", "'password' does not belong"),
        ("snowflake://ada@acc?token=hunter2", "'token' does not belong"),
        ("snowflake://ada@[acc", "no URL"),
    ],
)
def test_a_target_that_cannot_be_read_is_refused(target, reason):
    with pytest.raises(SnowflakeTargetError, match=reason) as raised:
        connection_settings(target)
    assert "hunter2" not in str(raised.value)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_no_text_breaks_it_and_no_secret_shows(rest):
    target = f"snowflake://ada:hunter2@{rest}"
    try:
        said = shown(connection_settings(target))
    except SnowflakeTargetError as error:
        said = str(error)
    assert "hunter2" not in said


@pytest.mark.parametrize("target", ["snowflake://ada:hunter2@127.0.0.1?protocol=http&port=1&login_timeout=1"])
def test_a_failed_connection_shows_no_secret(target):
    with pytest.raises(SnowflakeTargetError) as raised:
        open_engine(target + "&host=127.0.0.1")
    assert "ada@127.0.0.1 cannot be opened" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_connection_that_is_not_known_is_refused():
    with pytest.raises(SnowflakeTargetError, match="no_such_connection"):
        open_engine("snowflake://no_such_connection")


def test_read_only_is_for_files():
    with pytest.raises(SnowflakeTargetError, match="privileges"):
        open_engine("snowflake://prod", read_only=True)


def test_another_object_of_the_driver_is_no_target():
    from snowflake.snowpark import Row

    with pytest.raises(TargetError, match="Row"):
        open_engine(Row(1))
