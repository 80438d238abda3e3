"""The columns that a model call can see, asked of the engine.

The FROM clause around the call goes to the engine as the user wrote it, in a query that is only
described. Every model call in it is a typed NULL there, and every parameter a NULL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from warehouse_ml.errors import ScopeError
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.blocks import Block, Blocks
from warehouse_ml.query.sources import Source, sources
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.query.tokens import TokenTree


class Catalog(Protocol):
    """What binding asks of the engine and the registry."""

    def resolve(self, name: str, selector: str) -> ModelVersion:
        """The version that a name and a selector stand for.

        Args:
            name: The model's name as the user wrote it.
            selector: Nothing, `3`, an alias, `latest`, or `asof:2026-01-31`.

        Raises:
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version.
            AliasNotFoundError: No such alias.
        """

    def columns(self, query: str) -> list[tuple[str, str]]:
        """The names and the SQL types of a query's columns, as DESCRIBE prints them; the query does not run.

        Some of the questions are guesses, so a refusal must leave an open transaction as it is. DuckDB 2.0
        aborts it when `execute("DESCRIBE ...")` fails, but not with `sql(*extract_statements(...))`.

        Raises:
            ScopeError: The engine refuses the query.
        """


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query: its name, and its SQL type as the engine writes it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A table in scope: the name that qualifies its columns, quoted as the user did, and those columns."""

    alias: str
    columns: tuple[str, ...]


class Scope:
    """The columns around one place of a statement.

    Args:
        catalog: Where the engine is asked.
        tree: The statement's tokens.
        blocks: The blocks of the statement.
        stand_ins: What stands for the model calls and parameters while the engine is asked.
        place: The position of the call among the tokens.
    """

    def __init__(
        self, catalog: Catalog, tree: TokenTree, blocks: Blocks, stand_ins: Sequence[Edit], place: int
    ) -> None:
        self._catalog = catalog
        self._tree = tree
        self._stand_ins = stand_ins
        self._blocks = blocks.around(place)

    @property
    def stand_ins(self) -> Sequence[Edit]:
        """What stands for the model calls and parameters while the engine is asked."""
        return self._stand_ins

    @property
    def has_tables(self) -> bool:
        """Whether the query that holds the place has a FROM clause."""
        return bool(self._blocks[0].sources)

    def stand_in(self, low: int, high: int) -> str:
        """The text of some tokens as the engine may see it while it is asked."""
        return splice(self._tree.text, self._stand_ins, *self._tree.span(low, high))

    def columns(self, selection: str) -> list[Column]:
        """The columns of a select list over the nearest FROM clause in which it can be bound.

        Raises:
            ScopeError: It can be bound in none; the reason is that of the nearest.
        """
        with_tables = [depth for depth, block in enumerate(self._blocks) if block.sources]
        refusals = []
        for depth in with_tables or [0]:
            clause = f" FROM {self._from(self._blocks[depth])}" if with_tables else ""
            try:
                return self._answer(f"SELECT {selection}{clause}", self._blocks[depth:])
            except ScopeError as error:
                refusals.append(error)
        raise refusals[0]

    def local(self, query: str) -> str:
        """A query over the tables that the block of the place can name, as one that stands alone.

        Args:
            query: Its text; a part of the user's own comes from `stand_in`.
        """
        return self._in_scope(query, self._blocks, correlated=False)

    @cached_property
    def source(self) -> str:
        """What stands after the nearest FROM, as the engine may see it while it is asked."""
        return self._from(self._blocks[0])

    def input_columns(self, source: str) -> list[Column]:
        """The columns of a table or a query in the FROM clause; it may name the tables before it.

        Raises:
            ScopeError: The engine refuses it.
        """
        return self._answer(f"SELECT * FROM {source} AS wml_input", [Block(), *self._blocks])

    def _answer(self, query: str, around: Sequence[Block]) -> list[Column]:
        """The columns of a query in its blocks; it may be correlated with those that are not its own."""
        try:
            return self._ask(query, around, correlated=False)
        except ScopeError as refusal:
            if not any(block.sources for block in around[1:]):
                raise
            try:
                return self._ask(query, around, correlated=True)
            except ScopeError:
                raise refusal from None

    def _ask(self, query: str, around: Sequence[Block], *, correlated: bool) -> list[Column]:
        asked = self._in_scope(query, around, correlated=correlated)
        return [Column(name, sql_type) for name, sql_type in self._catalog.columns(asked)]

    def _in_scope(self, query: str, around: Sequence[Block], *, correlated: bool) -> str:
        for outward, block in enumerate(around):
            if outward and correlated and block.sources:
                query = f"SELECT wml_scope.* FROM {self._from(block)}, LATERAL ({query}) AS wml_scope"
            elif outward and block.names:
                query = f"SELECT * FROM ({query}) AS wml_scope"
            if block.names:
                recursive = "RECURSIVE " if block.recursive else ""
                query = f"WITH {recursive}{', '.join(self.stand_in(*name) for name in block.names)} {query}"
        return query

    def sources(self) -> list[Source]:
        """The tables of the nearest FROM clause."""
        block = self._blocks[0]
        if block.wrapped:
            return []
        return [source for clause in block.sources for source in sources(self._tree, clause)]

    def owners(self) -> list[Owner]:
        """The tables of the nearest FROM clause that have a name, each with its columns.

        None where a column may belong to a nameless table as well: JOIN (SELECT ...) USING (a).
        """
        known = self.sources()
        words = {
            token.word for clause in self._blocks[0].sources for token in self._tree.tokens[slice(*clause)]
        }
        if any(source.alias is None for source in known) and words & {"USING", "NATURAL"}:
            return []
        found = []
        for source in known:
            if source.alias is None:
                continue
            try:
                columns = self._columns_of(source.alias)
            except ScopeError:  # hidden: the right side of a SEMI JOIN, the input of a PIVOT
                continue
            found.append(Owner(source.alias, tuple(column.name for column in columns)))
        return found

    def _columns_of(self, alias: str) -> list[Column]:
        """The columns of one table; where it is the only one, its star is the bare one."""
        if self._is_one_table():
            columns = self.columns("*")
            folded = alias.strip('"`').casefold()
            if all(column.name.casefold() != folded for column in columns):
                return columns
        return self.columns(f"{alias}.*")

    def _is_one_table(self) -> bool:
        """Whether the nearest FROM clause is `t`, `s.t`, `t a` or `t AS a`."""
        block = self._blocks[0]
        if block.wrapped or len(block.sources) != 1:
            return False
        low, high = block.sources[0]
        tree = self._tree
        end = low
        while tree.is_name(end) and tree.is_symbol(end + 1, "."):
            end += 2
        if not tree.is_name(end):
            return False
        end += 1
        if tree.word(end) == "AS" and end < high:
            end += 1
        return end == high or (end + 1 == high and tree.is_name(end))

    def _from(self, block: Block) -> str:
        texts = [self.stand_in(*clause) for clause in block.sources]
        return f"({texts[0]})" if block.wrapped else ", ".join(texts)
