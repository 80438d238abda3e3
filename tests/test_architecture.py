"""The two lines of the flow can be read from the imports: who may import what."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "warehouse_ml"

QUERY_LINE = ("query", "optimize", "explain", "queries")
"""SQL text -> calls -> resolved calls -> plan."""

MODEL_LINE = (
    *("train", "training", "metrics", "lineage", "sample", "markers", "boosters"),
    *("export", "exporters", "graph", "import_onnx", "importers", "parity", "registration", "options"),
    "planning",
)
"""rows + estimator -> fitted -> ONNX + Signature -> proved."""

MAY_IMPORT = {
    "duckdb": (
        *("engines.duckdb", "engines.duckdb_functions", "engines.duckdb_transaction"),
        *("engines.duckdb_bind", "engines.duckdb_progress", "engines.duckdb_trial"),
        *("engines.duckdb_connections", "engines.duckdb_connection_functions"),
        "engines.duckdb_open_transaction",
        *("command_line", "commands", "formats", "testing"),
    ),
    "onnxruntime": ("backends.tree_matrix", "importers.probe_child"),
    "onnx": ("backends", "export", "exporters", "graph", "import_onnx", "importers"),
    "skl2onnx": ("exporters.public",),
    "sklearn": ("demo", "export", "exporters", "metrics", "train", "training"),
    "scipy": ("exporters", "graph.numpy_functions"),
    "xgboost": ("boosters", "demo"),
    "lightgbm": (),
    "pandas": ("demo", "export", "exporters.stand_ins", "lineage", "parity", "sample", "testing", "training"),
    "polars": ("engines.snowflake_rows",),
    "snowflake": (
        *("engines.snowflake", "engines.snowflake_login", "engines.snowflake_stage"),
        *("engines.snowflake_transaction", "testing"),
    ),
    "click": ("command_line", "commands", "formats", "service_commands", "snowflake_commands"),
    "rich": ("demo", "formats", "progress"),
}
"""Drivers and trainers, and the only places that import them; types alone may be named anywhere."""


SERVICE = ("onnx_service", "service_metrics")
"""The handlers that run in the image of a service, which holds a server too."""


def module_name(file: Path) -> str:
    """`query.parse` for warehouse_ml/query/parse.py; empty for the package itself."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


MODULES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported(node: ast.AST) -> Iterator[str]:
    """Every module that a file imports, at its top or within a function, but not for its types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield whole if whole.removeprefix("warehouse_ml.") in MODULES else str(child.module)
        elif not is_for_types(child):
            yield from imported(child)


IMPORTS = {name: set(imported(ast.parse(file.read_text()))) for name, file in MODULES.items()}


def inside(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def own(name: str) -> set[str]:
    """The modules of this package that a module imports."""
    return {
        entry.removeprefix("warehouse_ml.") for entry in IMPORTS[name] if entry.startswith("warehouse_ml.")
    }


def importers_of(targets: tuple[str, ...], among: tuple[str, ...]) -> dict[str, set[str]]:
    """Which modules of some places import which of others."""
    found = {name: {entry for entry in own(name) if inside(entry, targets)} for name in MODULES}
    return {name: entries for name, entries in found.items() if entries and inside(name, among)}


def test_no_module_imports_itself_by_way_of_others():
    lazy = {("exporters.exporter", "exporters.public")}  # a converter like others, asked for last
    edges = {name: {entry for entry in own(name) if (name, entry) not in lazy} for name in MODULES}
    assert len(list(TopologicalSorter(edges).static_order())) >= len(MODULES)


@pytest.mark.parametrize("driver", MAY_IMPORT)
def test_a_driver_is_imported_only_where_it_belongs(driver):
    users = {name for name in MODULES if any(entry.partition(".")[0] == driver for entry in IMPORTS[name])}
    assert {name for name in users if not inside(name, MAY_IMPORT[driver])} == set()


def test_the_way_of_a_query_knows_nothing_of_the_way_of_a_model():
    assert importers_of(MODEL_LINE, among=QUERY_LINE) == {}
    assert importers_of(QUERY_LINE, among=MODEL_LINE) == {}


def test_only_the_session_joins_both_lines():
    both = importers_of(QUERY_LINE, tuple(MODULES)).keys() & importers_of(MODEL_LINE, tuple(MODULES)).keys()
    assert both == {"session"}


@pytest.mark.parametrize(
    ("part", "strangers"),
    [
        ("graph", tuple(name for name in MODULES if not inside(name, ("", "graph")))),
        ("exporters", ("query", "engines", "registry", "parity", "session", "sample", "training")),
        ("importers", ("query", "engines", "registry", "parity", "session", "exporters", "graph")),
        ("query", ("engines", "registry", "session")),
        ("engines", ("query", "registry", "session", *MODEL_LINE)),
        ("registry", ("query", "session", *MODEL_LINE)),
        ("registry", tuple(name for name in MODULES if name.startswith("engines.duckdb"))),
        ("errors", tuple(MODULES)[1:]),
        ("signature", tuple(name for name in MODULES if name not in ("", "errors", "quoting"))),
    ],
)
def test_a_part_imports_only_what_it_consumes(part, strangers):
    assert importers_of(strangers, among=(part,)) == {}


@pytest.mark.parametrize("file", sorted((ROOT / "udfs").rglob("*.py")), ids=lambda file: file.name)
def test_a_handler_stands_alone(file):
    siblings = {other.stem for other in file.parent.glob("*.py")}
    allowed = {"numpy", "pandas", "onnxruntime", "numba", "llvmlite", *siblings}
    if file.stem in SERVICE:
        allowed |= {"starlette", "uvicorn", "prometheus_client"}
    found = {entry.partition(".")[0] for entry in imported(ast.parse(file.read_text()))}
    assert found <= allowed | set(sys.stdlib_module_names)
