"""Every pipeline of the conformance suite, by family and name."""

from collections.abc import Mapping

from tests.conformance import plain_models, preparation, texts, trees, wrappers
from tests.conformance.case import Factory


def _merged() -> Mapping[str, Mapping[str, Factory]]:
    families: dict[str, dict[str, Factory]] = {}
    for module in (plain_models, trees, preparation, texts, wrappers):
        for family, pipelines in module.FAMILIES.items():
            families.setdefault(family, {}).update(pipelines)
    return families


FAMILIES: Mapping[str, Mapping[str, Factory]] = _merged()

PIPELINES: Mapping[str, Factory] = {
    name: factory for pipelines in FAMILIES.values() for name, factory in pipelines.items()
}
