"""An emulated account as tests use it: statements, staged files and functions in one line each."""

import io
import json
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from typing import Any

from snowflake.snowpark import Session

from warehouse_ml.testing.snowflake import Emulation

PINS = tuple(f"{name}=={version(name)}" for name in ("numpy", "pandas"))
"""One set of packages for all tests: one environment, made once."""

RUNTIME = f"{sys.version_info.major}.{sys.version_info.minor}"

HANDLER = """
import json, os, sys
import numpy, pandas

def staged(name):
    with open(os.path.join(sys._xoptions["snowflake_import_directory"], name)) as file:
        return file.read()

{code}
predict._sf_vectorized_input = pandas.DataFrame
"""


@dataclass
class Account:
    """A session on an emulation, with a stage named FILES."""

    emulation: Emulation
    session: Session
    numbers: Any = field(default_factory=lambda: count(1))

    def sql(self, text: str, *values: object) -> list[Any]:
        return self.session.sql(text, params=list(values) or None).collect()

    def value(self, text: str, *values: object) -> Any:
        ((found,),) = self.sql(text, *values)
        return found

    def column(self, text: str, *values: object) -> list[Any]:
        return [row[0] for row in self.sql(text, *values)]

    def stage(self, path: str, content: str | bytes, *, overwrite: bool = False) -> str:
        data = io.BytesIO(content.encode() if isinstance(content, str) else content)
        self.session.file.put_stream(data, f"@files/{path}", auto_compress=False, overwrite=overwrite)
        return f"@files/{path}"

    def create_text(
        self,
        code: str,
        name: str,
        arguments: str = "a FLOAT",
        returns: str = "FLOAT",
        *,
        packages: tuple[str, ...] = PINS,
        files: dict[str, Any] | None = None,
        volatility: str = "VOLATILE",
    ) -> str:
        """Stage a handler whose function `predict` is in `code`, and give the statement for it."""
        imports = [self.stage(f"{name}/handler_{name}.py", HANDLER.format(code=code))]
        imports += [self.stage(f"{name}/{file}", json.dumps(value)) for file, value in (files or {}).items()]
        return (
            f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE PYTHON {volatility} "
            f"RUNTIME_VERSION = '{RUNTIME}' IMPORTS = ({listed(imports)}) PACKAGES = ({listed(packages)}) "
            "ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository "
            f"HANDLER = 'handler_{name}.predict'"
        )

    def function(self, code: str, *clauses: str, **options: Any) -> str:
        """Create a function of a handler; gives its name."""
        name = f"f{next(self.numbers)}"
        self.sql(self.create_text(code, name, *clauses, **options))
        return name


def listed(texts: Any) -> str:
    return ", ".join(f"'{text}'" for text in texts)
