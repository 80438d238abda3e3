"""The versions of all references of a statement, by one question instead of two for each."""

from collections.abc import Collection

from warehouse_ml.engines.base import Transaction
from warehouse_ml.errors import WarehouseMLError
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.names import model_name
from warehouse_ml.registry.rows import model_version
from warehouse_ml.registry.selector import DEFAULT_ALIAS, Latest, Named, Numbered, Selector, read_selector

Reference = tuple[str, str]
"""A model's name and what stands after the `@`."""


def find_together(
    transaction: Transaction, references: Collection[Reference]
) -> dict[Reference, ModelVersion]:
    """The versions of references to a number, to `latest` or to nothing.

    All others are left out, and so is what does not exist: `Registry.resolve` finds them, or says what is
    wrong.
    """
    wanted: dict[Reference, tuple[str, Selector]] = {}
    for name, selector in references:
        try:
            wanted[name, selector] = (model_name(name), read_selector(selector))
        except WarehouseMLError:
            continue
    if not wanted:
        return {}
    names = sorted({name for name, _ in wanted.values()})
    asked = {read.version for _, read in wanted.values() if isinstance(read, Numbered)}
    numbers = sorted(number for number in asked if number is not None)
    usual: dict[str, tuple[int | None, int | None]] = {}
    versions: dict[tuple[str, int | None], ModelVersion] = {}
    for newest, default, *row in transaction.run("select_named_versions", names, numbers):
        version = model_version(tuple(row))
        usual[version.name] = (newest, default)
        versions[version.name, version.version] = version
    found = {
        reference: versions.get((name, _number(read, *usual[name])))
        for reference, (name, read) in wanted.items()
        if name in usual
    }
    return {reference: version for reference, version in found.items() if version is not None}


def _number(selector: Selector, newest: int | None, default: int | None) -> int | None:
    match selector:
        case Numbered(version):
            return version
        case Latest():
            return newest
        case Named(alias) if alias == DEFAULT_ALIAS:
            return default or newest
    return None
