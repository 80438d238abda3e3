"""The versions of all references of a statement, by two questions instead of two for each."""

from collections.abc import Collection

from warehouse_ml.engines.base import Transaction
from warehouse_ml.errors import WarehouseMLError
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.names import model_name
from warehouse_ml.registry.rows import ModelRow, read_versions
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
    names = sorted({name for name, _ in wanted.values()})
    models = {row[0]: ModelRow(*row[1:]) for row in transaction.run("select_models_of", names)}
    numbers = {
        reference: (name, _number(models[name], selector))
        for reference, (name, selector) in wanted.items()
        if name in models and models[name].newest is not None
    }
    asked = sorted({number for _, number in numbers.values() if number is not None})
    found = read_versions(transaction, "select_versions_of", names, asked) if asked else []
    versions = {(version.name, version.version): version for version in found}
    return {
        reference: versions[name, number]
        for reference, (name, number) in numbers.items()
        if number is not None and (name, number) in versions
    }


def _number(model: ModelRow, selector: Selector) -> int | None:
    match selector:
        case Numbered(version):
            return version
        case Latest():
            return model.newest
        case Named(alias) if alias == DEFAULT_ALIAS:
            return model.default or model.newest
    return None
