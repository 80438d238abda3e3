"""What runs a staged handler, and the faults of handlers that it has to find."""

import numpy
import pytest
from snowflake.snowpark.exceptions import SnowparkSQLException

from tests.testing.account import Account

SUM = "def predict(batch):\n    return batch[0] + 2 * batch[1]"


@pytest.fixture(scope="module")
def weighted(account: Account) -> str:
    name = account.function(SUM, "a FLOAT, b FLOAT")
    account.sql(
        "CREATE TABLE numbers AS SELECT CAST(r.index AS INT) AS id, CAST(r.value AS FLOAT) AS x "
        "FROM TABLE(FLATTEN(input => PARSE_JSON(?))) AS r",
        str([number / 8 for number in range(5000)]),
    )
    return name


def test_a_handler_scores_every_row_once_and_in_order(account, weighted):
    rows = account.sql(f"SELECT id, {weighted}(x, id) FROM numbers ORDER BY id")
    assert [tuple(row) for row in rows] == [(number, number / 8 + 2 * number) for number in range(5000)]


def test_a_function_is_called_in_a_filter(account, weighted):
    assert account.value(f"SELECT COUNT(*) FROM numbers WHERE {weighted}(x, 0) < 1") == 8


def test_a_function_is_called_in_a_view_and_in_create_table_as(account, weighted):
    account.sql(f"CREATE VIEW scored AS SELECT id, {weighted}(x, 1) AS score FROM numbers")
    account.sql("CREATE TABLE kept AS SELECT SUM(score) AS total FROM scored")
    assert account.value("SELECT total FROM kept") == sum(number / 8 + 2 for number in range(5000))


@pytest.mark.parametrize("prefix", ["", "public.", "PUBLIC.", "emulated.public.", '"EMULATED"."PUBLIC".'])
def test_a_function_is_called_by_every_name_that_it_has(account, weighted, prefix):
    assert account.value(f"SELECT {prefix}{weighted.upper()}(1, 2)") == 5


def test_a_quoted_name_in_small_letters_is_another_name(account, weighted):
    with pytest.raises(SnowparkSQLException, match=f"Unknown function {weighted}"):
        account.sql(f'SELECT "{weighted}"(1, 2)')


def test_no_rows_are_no_call(account, weighted):
    assert account.sql(f"SELECT {weighted}(x, 1) FROM numbers WHERE id < 0") == []


def test_a_call_with_too_few_arguments_is_refused(account, weighted):
    with pytest.raises(SnowparkSQLException, match="does not support the supplied arguments"):
        account.sql(f"SELECT {weighted}(1)")


def test_nan_of_a_result_is_null(account):
    name = account.function("def predict(batch):\n    return batch[0].where(batch[0] > 1)")
    assert account.column(f"SELECT {name}(column1) FROM VALUES (1), (2)") == [None, 2]


def test_a_batch_is_split_in_odd_sizes(account, weighted):
    name = account.function("def predict(batch):\n    return [float(len(batch))] * len(batch)")
    sizes = set(account.column(f"SELECT {name}(x) FROM numbers"))
    assert len(sizes) > 2


def test_the_largest_batch_is_capped_by_the_handler(account, weighted):
    code = "def predict(batch):\n    return [float(len(batch))] * len(batch)\npredict._sf_max_batch_size = 5"
    name = account.function(code)
    assert max(account.column(f"SELECT {name}(x) FROM numbers")) == 5


def test_two_threads_share_an_interpreter(account, weighted):
    code = "import threading, time\nseen = set()\ndef predict(batch):\n    seen.add(threading.get_ident())\n"
    code += "    time.sleep(0.01)\n"
    name = account.function(code + "    return [float(len(seen))] * len(batch)")
    assert max(account.column(f"SELECT {name}(x) FROM numbers")) == 2


def test_what_a_handler_prints_does_not_harm(account):
    name = account.function("def predict(batch):\n    print('a line' * 9999)\n    return batch[0]")
    assert account.value(f"SELECT {name}(1)") == 1


FAULTS = {
    "columns by name instead of position": ("return batch['a']", "KeyError: 'a'"),
    "too few rows": ("return batch[0][1:]", "0 rows for a batch of 1 rows"),
    "too many rows": ("return list(batch[0]) * 2", "2 rows for a batch of 1 rows"),
    "texts for FLOAT": ("return batch[0].astype(str)", "of type str for RETURNS FLOAT"),
    "truth values for FLOAT": ("return batch[0] > 0", "of type bool_? for RETURNS FLOAT"),
    "a frame": ("return batch", "a DataFrame, where a Series, an array or a list was expected"),
    "a scalar": ("return 1.0", "a float, where"),
    "two dimensions": ("return batch.to_numpy()", "2 dimensions"),
    "a package that is not declared": ("import scipy\n    return batch[0]", "No module named 'scipy'"),
    "the packages of the tests": ("import fakesnow\n    return batch[0]", "No module named 'fakesnow'"),
    "a network": (
        "import socket\n    socket.create_connection(('127.0.0.1', 80))",
        "PermissionError: .* Operation not permitted",
    ),
    "a network of another process": (
        "import subprocess\n"
        "    subprocess.run([sys.executable, '-c', 'import socket; socket.socket()'], check=True)",
        "CalledProcessError",
    ),
    "a file that is not imported": ("return [staged('model.onnx')]", "FileNotFoundError"),
    "an error of its own": ("raise ValueError('feature 3 is -1')", "ValueError: feature 3 is -1"),
    "an end of the process": ("os._exit(3)", "the interpreter ended"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_handler_fails_with_the_number_and_the_message(account, fault):
    line, message = FAULTS[fault]
    name = account.function(f"def predict(batch):\n    {line}")
    with pytest.raises(SnowparkSQLException, match=rf"(?s)100357.*Python Interpreter Error.*{message}"):
        account.sql(f"SELECT {name}(1)")


TYPES = {
    "NUMBER(38,0)": ("batch[0] + 0.5", "1.5 is not a whole number"),
    "BOOLEAN": ("batch[0]", "float for RETURNS BOOLEAN"),
    "VARCHAR": ("batch[0]", "float for RETURNS VARCHAR"),
    "OBJECT": ("batch[0].astype(str)", "str for RETURNS OBJECT"),
    "TIMESTAMP_NTZ": ("batch[0].astype(str)", "str for RETURNS TIMESTAMP_NTZ"),
}


@pytest.mark.parametrize("returns", TYPES)
def test_a_result_of_another_type_is_refused(account, returns):
    code, message = TYPES[returns]
    name = account.function(f"def predict(batch):\n    return {code}", returns=returns)
    with pytest.raises(SnowparkSQLException, match=message):
        account.sql(f"SELECT {name}(1)")


def test_the_account_works_on_after_an_error(account, weighted):
    name = account.function("def predict(batch):\n    raise ValueError('no')")
    with pytest.raises(SnowparkSQLException, match="no"):
        account.sql(f"SELECT {name}(1)")
    assert account.value(f"SELECT {weighted}(1, 2)") == 5


def test_a_handler_is_held_to_the_time_limit(account):
    name = account.function("import time\ndef predict(batch):\n    time.sleep(60)")
    with pytest.raises(SnowparkSQLException, match="exceeded the time limit of 3 seconds"):
        account.sql(f"SELECT {name}(1)")


def test_a_handler_that_is_not_vectorized_is_refused(account):
    text = account.create_text("def by_row(value):\n    return value\npredict = by_row", "by_rows")
    account.sql(text.replace(".predict", ".staged"))
    with pytest.raises(SnowparkSQLException, match="does not emulate handlers called by the row"):
        account.sql("SELECT by_rows(1)")


READS = "factor = json.loads(staged('factor.json'))\ndef predict(batch):\n    return batch[0] * factor"


def test_the_bytes_are_those_of_the_stage_at_the_time_of_the_call(account):
    name = account.function(READS, files={"factor.json": 2})
    before = account.value(f"SELECT {name}(10)")
    account.stage(f"{name}/factor.json", "3", overwrite=True)
    assert (before, account.value(f"SELECT {name}(10)")) == (20, 30)


def test_a_removed_file_breaks_the_live_function(account):
    name = account.function(READS, files={"factor.json": 2})
    account.sql(f"REMOVE @files/{name}/factor.json")
    with pytest.raises(SnowparkSQLException, match="Remote file .*factor.json' was not found"):
        account.sql(f"SELECT {name}(10)")


def test_other_bytes_than_the_registered_ones_are_refused_by_a_handler_that_checks(account):
    code = (
        "import hashlib\n"
        "def predict(batch):\n"
        "    digest = hashlib.sha256(staged('model.json').encode()).hexdigest()\n"
        "    if digest != json.loads(staged('deployment.json')): raise RuntimeError('other bytes')\n"
        "    return batch[0]"
    )
    name = account.function(code, files={"model.json": 2, "deployment.json": "0" * 64})
    with pytest.raises(SnowparkSQLException, match="RuntimeError: other bytes"):
        account.sql(f"SELECT {name}(10)")


def test_a_replaced_function_is_the_one_that_a_view_calls(account):
    name = account.function("def predict(batch):\n    return batch[0]")
    account.sql(f"CREATE VIEW calls_{name} AS SELECT {name}(7) AS score")
    account.stage(f"{name}/handler_{name}.py", "", overwrite=True)
    text = account.create_text("def predict(batch):\n    return -batch[0]", "other")
    account.sql(text.replace("CREATE FUNCTION other", f"CREATE OR REPLACE FUNCTION {name}"))
    assert account.value(f"SELECT score FROM calls_{name}") == -7


def test_an_immutable_function_of_constants_is_called_once(account, weighted):
    code = "calls = []\ndef predict(batch):\n    calls.append(1)\n    return [float(len(calls))] * len(batch)"
    name = account.function(code, volatility="IMMUTABLE")
    assert numpy.unique(account.column(f"SELECT {name}(1) FROM numbers")).size == 1
