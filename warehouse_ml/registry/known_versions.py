"""Versions that were read before: what can change of one is asked again, and no more is read."""

import json
from dataclasses import replace

from warehouse_ml.engines.base import Transaction
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.rows import live_version

_MOST = 1024


class KnownVersions:
    """The versions that a session has used.

    A version never changes but for its tags, its comment, and that it may be dropped. To read the rest of its
    row takes longer than to read these.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._versions: dict[tuple[str, int, str], ModelVersion] = {}

    def live(self, transaction: Transaction, name: str, number: int, selector: str = "") -> ModelVersion:
        """A version that was not dropped, as it is now; see `live_version`.

        Raises:
            VersionNotFoundError: There is none; `selector` is what named it.
        """
        for sha256, tags, comment in transaction.run("select_version_state", name, number):
            known = self._versions.get((name, number, sha256))
            if known is not None:
                return replace(known, tags=json.loads(tags), comment=comment)
        version = live_version(transaction, name, number, selector)
        if len(self._versions) >= _MOST:
            self._versions.clear()
        self._versions[name, number, version.sha256] = version
        return version
