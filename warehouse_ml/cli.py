"""The command line: `warehouse-ml`, or `wml` for short."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from warehouse_ml.errors import MissingDependencyError

if TYPE_CHECKING:
    import click


def program() -> click.Group:
    """All commands; importing their modules is what adds them."""
    from warehouse_ml import commands, service_commands, snowflake_commands  # noqa: F401
    from warehouse_ml.command_line import wml

    return wml


def main() -> None:
    """Run the command line; a missing extra is one readable line."""
    try:
        wml = program()
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit(f"wml: {MissingDependencyError(error.name, 'cli')}")
    wml(prog_name="wml")
