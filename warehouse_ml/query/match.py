"""Features by name: which of the names at hand is the feature."""

from collections.abc import Sequence

from warehouse_ml.errors import AmbiguousFeatureError, MissingFeatureError
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Feature


def match(version: ModelVersion, feature: Feature, names: Sequence[str]) -> int:
    """The position of the one name that is the feature.

    The exact name wins. Else case does not matter, unless two features of the version differ only in it.

    Raises:
        MissingFeatureError: None is.
        AmbiguousFeatureError: More than one is.
    """
    found = [position for position, name in enumerate(names) if name == feature.name]
    folded = feature.name.casefold()
    if not found and sum(other.casefold() == folded for other in version.signature.feature_names) == 1:
        found = [position for position, name in enumerate(names) if name.casefold() == folded]
    if not found:
        raise MissingFeatureError(version.reference, feature.name, names)
    if len(found) > 1:
        raise AmbiguousFeatureError(version.reference, feature.name, [names[position] for position in found])
    return found[0]
