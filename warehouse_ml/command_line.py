"""What all commands of `wml` share: the group, the database, and errors as one line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import Any, NoReturn

import click
import duckdb
from pyarrow import ArrowException

from warehouse_ml.engines.snowflake_target import likely_target
from warehouse_ml.errors import ParityError, WarehouseMLError
from warehouse_ml.session import Session, connect
from warehouse_ml.statements import statement

EXIT_FAILED = 1
"""The exit code of what could not be done; a wrong use of the command line itself exits with 2."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  wml demo
  wml sql -d shop.duckdb "SELECT id, PREDICT('churn', *) AS p FROM customers"
  wml models -d shop.duckdb
""",
)
@click.version_option(package_name="warehouse-ml", prog_name="wml")
def wml() -> None:
    """Score models by SQL, next to the data."""


def command(function: Callable[..., None], group: click.Group = wml) -> click.Command:
    """A command whose errors are one line on stderr and exit code 1."""

    def run(*args: Any, **options: Any) -> None:
        try:
            function(*args, **options)
        except ParityError as error:
            fail(str(error))  # with the worst rows, a line each
        except (WarehouseMLError, ArrowException) as error:
            fail(" ".join(str(error).split()))
        except duckdb.Error as error:
            # DuckDB goes on with a picture of the statement.
            fail(" ".join(str(error).partition("\n\nLINE ")[0].split()))
        except BrokenPipeError:
            raise  # click ends quietly: the reader has seen enough
        except OSError as error:
            reason = error.strerror or str(error)
            fail(f"{reason}: {error.filename}" if error.filename else reason)
        except UnicodeEncodeError as error:
            fail(f"Standard output is {error.encoding} and cannot show all: set PYTHONIOENCODING=utf-8.")
        except Exception as error:
            # the connector of Snowflake, which is imported only where it is used
            if type(error).__module__.partition(".")[0] != "snowflake":
                raise
            fail(" ".join(str(error).split()))

    # click folds the lines of a paragraph, unless it starts with a backspace.
    description, mark, examples = inspect.cleandoc(function.__doc__ or "").partition("Example")
    text = description + (f"\b\n{mark}{examples}" if mark else "")
    return group.command(help=text)(update_wrapper(run, function))


def fail(sentence: str) -> NoReturn:
    """End with a sentence on stderr."""
    click.echo(f"wml: {sentence}", err=True)
    sys.exit(EXIT_FAILED)


def database(*, required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that names a DuckDB file."""
    return click.option(
        "-d",
        "--database",
        "path",
        envvar="WML_DATABASE",
        show_envvar=True,
        metavar="FILE",
        required=required,
        help="The DuckDB file." if required else "The DuckDB file; by default a database in memory.",
    )


def snowflake_target(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A target that is on Snowflake: anything else would be the name of a DuckDB file."""
    if value is not None and not value.lower().startswith("snowflake://"):
        raise click.BadParameter(f"it is no target on Snowflake; write {likely_target(value)}.")
    return value


create_option = click.option("--create", is_flag=True, help="Make the database file if it does not exist.")


@contextmanager
def opened(path: str | None, *, writes: bool = False, create: bool = False) -> Iterator[Session]:
    """A session that is read-only unless it writes: any number of processes can read a file at once."""
    if path is not None and not create and not Path(path).exists():
        fail(f"There is no database {path!r}.")
    with connect(path, read_only=path is not None and not writes) as session:
        # a table called `models` is one of the database, not a variable of this program
        session.connection.execute(statement("duckdb", "set_no_variables"))
        yield session
