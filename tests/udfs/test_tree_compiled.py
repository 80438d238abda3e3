"""What numba keeps on disk is found by every process that may use it, and by no other."""

import ast
import os
import shutil
import subprocess
import sys

import pytest

from warehouse_ml.engines.handler_files import handler_file, load_handler

FOLDER = handler_file("tree_compiled").parent

AS_IN_A_WAREHOUSE = """
import sys
sys.path.insert(0, sys.argv[1])
import tree_compiled
from tree_loops import _data_address
"""
"""The smallest of the compiled functions, out of files that lie side by side on the path."""

AS_THE_ENGINE_DOES = """
import sys
from pathlib import Path
from warehouse_ml.engines import handler_files
handler_files.handler_file = lambda name: Path(sys.argv[1], name + ".py")
tree_compiled = handler_files.load_handler("tree_compiled")
_data_address = handler_files.load_handler("tree_loops")._data_address
"""

CALL = """
import numpy as np
probe = np.zeros(1)
assert not _data_address.signatures
right = _data_address(id(probe)) == probe.ctypes.data
print(sum(_data_address.stats.cache_hits.values()), int(right), _data_address.stats.cache_path)
"""


def called(loading, folder, **environment):
    """What a fresh process says: was the function found compiled, is its result right, where is it kept."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", loading + CALL, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=plain | environment,
    )
    assert done.returncode == 0, done.stderr
    hits, right, place = done.stdout.strip().split(" ", 2)
    return hits == "1", right == "1", place


@pytest.fixture
def folder(tmp_path):
    """A copy of the handlers of which nothing is compiled yet."""
    copy = tmp_path / "udfs"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_another_process_finds_the_compiled_code_however_it_loads_it(folder):
    place = str(folder / "__pycache__")
    assert called(AS_IN_A_WAREHOUSE, folder) == (False, True, place)
    assert called(AS_THE_ENGINE_DOES, folder) == (True, True, place)
    assert called(AS_IN_A_WAREHOUSE, folder) == (True, True, place)


def test_code_of_changed_sources_is_not_found(folder):
    called(AS_IN_A_WAREHOUSE, folder)
    for name in load_handler("tree_compiled").SOURCES:
        with (folder / name).open("a") as file:
            file.write("# changed")
        assert called(AS_IN_A_WAREHOUSE, folder)[:2] == (False, True)


def test_a_changed_instruction_is_in_what_another_file_computes(folder):
    assert called(AS_IN_A_WAREHOUSE, folder)[1]
    file, given = folder / "tree_instructions.py", "inttoptr(arguments[0],"
    changed = "inttoptr(builder.add(arguments[0], long_constant(8)),"
    before = file.read_text()
    assert before.count(given) == 1
    file.write_text(before.replace(given, changed))
    assert not called(AS_IN_A_WAREHOUSE, folder)[1]


def test_where_the_folder_cannot_be_written_to_the_users_own_is_used(folder, tmp_path):
    (folder / "__pycache__").touch()  # root may write to any folder, but not into a file
    home = str(tmp_path / "home")
    for found in (False, True):
        hit, right, place = called(AS_IN_A_WAREHOUSE, folder, HOME=home, XDG_CACHE_HOME=home)
        assert (hit, right) == (found, True)
        assert place.startswith(home)


def test_without_any_folder_it_is_compiled_each_time(folder, tmp_path):
    (folder / "__pycache__").touch()
    home = tmp_path / "home"
    home.touch()
    kept = {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    assert called(AS_IN_A_WAREHOUSE, folder, **kept) == (False, True, "None")


def test_out_of_an_archive_it_is_compiled_each_time(folder):
    archive = shutil.make_archive(str(folder), "zip", folder)
    assert called(AS_IN_A_WAREHOUSE, archive) == (False, True, "None")


def test_the_sources_are_all_files_that_the_loops_are_made_of():
    files = {"tree_loops.py"}
    while True:
        names = {
            node.module
            for file in files
            for node in ast.walk(ast.parse((FOLDER / file).read_text()))
            if isinstance(node, ast.ImportFrom)
        }
        further = {f"{name}.py" for name in names if (FOLDER / f"{name}.py").exists()}
        if further <= files:
            break
        files |= further
    assert files == set(load_handler("tree_compiled").SOURCES)
