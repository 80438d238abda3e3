"""Which rules of the optimizer are on: none of them changes a result, but a person may want to see."""

from collections.abc import Iterator
from contextlib import contextmanager

from warehouse_ml import optimize
from warehouse_ml.errors import UnknownRuleError


class Optimizer:
    """The switches of one session. All rules are on at first."""

    def __init__(self) -> None:
        self._disabled: set[str] = set()

    @property
    def rules(self) -> dict[str, bool]:
        """The rules in their order, and whether each is on."""
        return {rule.__name__: rule.__name__ not in self._disabled for rule in optimize.RULES}

    @property
    def disabled(self) -> frozenset[str]:
        """The names of the rules that are off."""
        return frozenset(self._disabled)

    def enable(self, *names: str) -> None:
        """Switch rules on.

        Raises:
            UnknownRuleError: There is no such rule.
        """
        self._disabled -= self._known(names)

    def disable(self, *names: str) -> None:
        """Switch rules off.

        Raises:
            UnknownRuleError: There is no such rule.
        """
        self._disabled |= self._known(names)

    @contextmanager
    def off(self) -> Iterator[None]:
        """All rules off, for a while."""
        with self._switched(set(self.rules)):
            yield

    @contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """Some rules off, for a while.

        Raises:
            UnknownRuleError: There is no such rule.
        """
        with self._switched(self._disabled | self._known(names)):
            yield

    @contextmanager
    def only(self, *names: str) -> Iterator[None]:
        """These rules on and all others off, for a while.

        Raises:
            UnknownRuleError: There is no such rule.
        """
        with self._switched(set(self.rules) - self._known(names)):
            yield

    @contextmanager
    def _switched(self, disabled: set[str]) -> Iterator[None]:
        before, self._disabled = self._disabled, disabled
        try:
            yield
        finally:
            self._disabled = before

    def _known(self, names: tuple[str, ...]) -> set[str]:
        known = self.rules
        for name in names:
            if name not in known:
                raise UnknownRuleError(name, known)
        return set(names)

    def __repr__(self) -> str:
        return f"Optimizer({', '.join(f'{name}={on}' for name, on in self.rules.items())})"
