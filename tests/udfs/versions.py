"""One artefact and handler over several versions of onnxruntime and pandas.

`python -m tests.udfs.versions` prints what was scored where. Environments are made of wheels of the package
registry once, and kept in the user's cache folder; this interpreter's own environment is the newest.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from tests.toy_models import every_type
from tests.udfs.deployed import write_imports
from tests.udfs.deployed_models import MODELS, assert_same, expected
from warehouse_ml.engines.handler_files import handler_file
from warehouse_ml.export import export
from warehouse_ml.sample import Sample

ALWAYS = ("python-dateutil==2.9.0.post0", "pytz==2025.2", "six==1.17.0", "tzdata==2025.2")
"""What pandas needs; what onnxruntime needs besides numpy is for its tools alone."""

ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    # the oldest that there are wheels of for each version of Python
    "oldest": {
        (3, 11): ("onnxruntime==1.17.0", "numpy==1.26.4", "pandas==1.5.3"),
        (3, 12): ("onnxruntime==1.17.0", "numpy==1.26.4", "pandas==2.1.4"),
    }.get(sys.version_info[:2], ("onnxruntime==1.20.1", "numpy==2.1.3", "pandas==2.2.3")),
    "between": ("onnxruntime==1.22.1", "numpy==2.2.6", "pandas==2.3.3"),
    "own": (),
}

HANDLERS = ("onnx_udf", "text_analysis", "snowflake_udf")

METHODS = {
    "species": ("predict", "predict_proba", "try_predict"),
    "is_heavy": ("predict", "predict_proba"),
    "mass": ("predict",),
    "kilograms": ("predict", "predict_proba"),
    "boosted": ("predict",),
    "several": ("predict", "predict_proba"),
    "in_the_air": ("predict",),
}

WAYS = {
    "DOUBLE": ("float64", "Float64", "object", "Decimal"),
    "BIGINT": ("Int64", "object", "Decimal"),
    "BOOLEAN": ("boolean", "object"),
    "VARCHAR": ("string", "object", "inferred"),
    "TIMESTAMP": ("datetime64[ns]", "datetime"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A batch, and what it must score as.

    Attributes:
        asked: What `versions_child.py` reads.
        wanted: The answers, or the sentence of an error.
        dtype: The dtype of the answers.
    """

    asked: dict[str, Any]
    wanted: list[Any] | str
    dtype: str


def python_of(requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment that holds exactly some wheels; it is made where it is not kept."""
    if not requirements:
        return Path(sys.executable)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "warehouse_ml", "environments")
    wanted = [sys.version, *requirements, *ALWAYS]
    place = cache / sha256("\n".join(wanted).encode()).hexdigest()[:16]
    if not place.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder, "environment")
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
            options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check")
            pip = (sys.executable, "-m", "pip", "--python", made / "bin" / "python")
            subprocess.run([*pip, "install", *options, *requirements, *ALWAYS], check=True)
            try:
                # it appears as a whole; who comes second throws the own one away
                made.rename(place)
            except OSError:
                shutil.rmtree(made)
    return place / "bin" / "python"


def questions(folder: Path) -> list[Question]:
    """Every kind of feature and result, with answers that the estimators gave here.

    Args:
        folder: Where the imports of the models are written.
    """
    return [*_of_estimators(folder), *_of_every_type(folder)]


def _of_estimators(folder: Path) -> Iterator[Question]:
    for name, methods in METHODS.items():
        estimator, rows = MODELS[name]()
        whole = rows.dropna()[:40]
        exported = export(estimator, Sample.of(estimator, rows[:120]))
        signature = exported.signature
        imports = write_imports(folder / name, exported.serialize(), signature)
        for turn, method in enumerate(methods):
            columns = []
            for place, feature in enumerate(signature.features):
                ways = WAYS[feature.type]
                values = whole[feature.name]
                texts = values.map(pd.Timestamp.isoformat) if feature.type == "TIMESTAMP" else values
                columns.append((ways[(place + turn) % len(ways)], texts.tolist()))
            wanted = expected(estimator, whole, method)
            asked = {"folder": str(imports), "method": method, "columns": columns}
            output = signature.result(method)
            assert output is not None
            yield Question(asked, wanted, _DTYPES.get(output.type, "object"))


_DTYPES = {
    "DOUBLE": "float64",
    "BIGINT": "Int64",
    "BOOLEAN": "boolean",
    "VARCHAR": "object",
    "STRUCT": "object",
}

_ECHOED: dict[str, tuple[list[Any], ...]] = {
    "d": ([1.5, -0.0, None], [1.5, 0.0, None]),
    "i": ([2**53 + 1, None, -7], [2**53 + 1, -1, -7]),
    "b": ([False, None, True], [False, True, True]),
    "s": (["é🙂", "", None], ["é🙂", "", "none"]),
    "t": (["2026-01-01T00:00:00.000001", "1969-12-31T23:59:59", None], [1767225600000001.0, -1e6, None]),
}
"""For each feature of the toy model three values, and what comes back of them."""


def _of_every_type(folder: Path) -> Iterator[Question]:
    onnx, signature = every_type()
    imports = str(write_imports(folder / "echo", onnx, signature))
    packed = str(write_imports(folder / "packed", onnx, signature, packed=True))
    given = {name: values for name, (values, _) in _ECHOED.items()}
    echoed = zip(*(back for _, back in _ECHOED.values()), strict=True)
    wanted: list[Any] = [
        {"d": d, "i": i, 'in "ner': {"b": b, "naïve s": s}, "t": t} if d is not None else None
        for d, i, b, s, t in echoed
    ]
    for turn in range(4):
        columns = [
            (WAYS[feature.type][turn % len(WAYS[feature.type])], given[feature.name])
            for feature in signature.features
        ]
        for method in ("predict", "try_predict"):
            yield Question({"folder": imports, "method": method, "columns": columns}, wanted, "object")
    rows = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
    yield Question({"folder": packed, "method": "predict", "columns": [("object", rows)]}, wanted, "object")
    strings = [("string", ["1.0", "2.0", None]), *columns[1:]]
    sentence = "The model refuses '1.0' for the feature 'd': a number is wanted."
    yield Question({"folder": imports, "method": "predict", "columns": strings}, sentence, "")


def answers(python: Path, asked: list[Question], folder: Path) -> tuple[dict[str, str], list[Any]]:
    """The versions of an environment, and its answers.

    Args:
        python: Its interpreter.
        asked: The questions.
        folder: Where the handler's files are put.
    """
    for name in HANDLERS:
        shutil.copy(handler_file(name), folder)
    child = Path(__file__).with_name("versions_child.py")
    # what an old pandas says of a new numpy is not ours; what the handler says is
    warnings = ("-W", "error:::snowflake_udf", "-W", "error:::onnx_udf", "-W", "error:::text_analysis")
    command = [python, "-I", *warnings, "-X", f"snowflake_import_directory={folder}", child, folder]
    text = json.dumps([question.asked for question in asked])
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    versions, found = json.loads(done.stdout)
    return versions, found


def check(asked: list[Question], found: list[Any]) -> None:
    """Every answer is the wanted one; numbers within what the gate allows."""
    for question, answer in zip(asked, found, strict=True):
        if isinstance(question.wanted, str):
            assert answer == {"error": question.wanted}
            continue
        assert answer.get("dtypes") == [question.dtype], answer.get("error")
        for value, wanted in zip(answer["values"], question.wanted, strict=True):
            assert_same(value, wanted, 1e-6)


def main() -> None:
    """Check every environment and say what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        asked = questions(Path(folder))
        for name, requirements in ENVIRONMENTS.items():
            versions, found = answers(python_of(requirements), asked, Path(folder))
            check(asked, found)
            print(f"{name}: {len(found)} batches equal with", *(f"{k} {v}" for k, v in versions.items()))


if __name__ == "__main__":
    main()
