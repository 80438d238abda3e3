"""The SQL statements of the registry and the engines: one file each, the same names in every dialect."""

from functools import cache
from pathlib import Path


@cache
def statement(dialect: str, name: str) -> str:
    """The text of `sql/<dialect>/<name>.sql`.

    The files are found by path: inside the package where it was installed from a wheel, beside it in a
    clone or an editable install.

    Args:
        dialect: The folder, such as `duckdb`.
        name: The file's name without its ending.

    Raises:
        FileNotFoundError: There is no such statement: a mistake in this package, not of a user.
    """
    return (_folder("sql") / dialect / f"{name}.sql").read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    package = Path(__file__).resolve().parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name
