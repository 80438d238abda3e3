import ast
import subprocess
import sys

import pytest

from warehouse_ml.engines import handler_files
from warehouse_ml.engines.handler_files import handler_file, load_handler

FILES = sorted(handler_file("onnx_udf").parent.glob("*.py"))
NAMES = {file.stem for file in FILES}

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from warehouse_ml.engines.handler_files import load_handler
for _ in range(2):
    try:
        load_handler("tree_kernel")
    except ImportError as error:
        print(error.name, sorted(name for name in sys.modules if name.startswith("tree_")))
"""

SIDE_BY_SIDE = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
assert "warehouse_ml" not in sys.modules
"""


def siblings_of(file):
    """The handlers that a handler imports."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names & NAMES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_handlers_that_a_handler_needs_are_listed(file):
    assert siblings_of(file) == set(handler_files._NEEDS.get(file.stem, ()))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_loaded_handler_takes_no_bare_name(name):
    assert load_handler(name) is load_handler(name)
    assert NAMES.isdisjoint(sys.modules)


def test_handlers_share_what_they_import():
    assert load_handler("planned_udf").Scorer is load_handler("onnx_udf").Scorer


def test_another_module_of_that_name_stays(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx_udf", other := object())
    handler_files._load.__wrapped__("planned_udf")
    assert sys.modules["onnx_udf"] is other


def test_a_library_that_is_not_installed_is_named_each_time():
    done = subprocess.run([sys.executable, "-c", WITHOUT_NUMBA], capture_output=True, text=True, check=True)
    assert done.stdout == "numba []\n" * 2


def test_handlers_import_each_other_where_they_lie_side_by_side():
    command = [sys.executable, "-c", SIDE_BY_SIDE, str(FILES[0].parent), *sorted(NAMES)]
    subprocess.run(command, check=True)
