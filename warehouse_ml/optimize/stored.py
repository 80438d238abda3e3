"""Statements whose text is stored or must stay what the user wrote: no rule may touch them."""

from warehouse_ml.query.parse import Statement
from warehouse_ml.query.tokens import TokenTree, words

_RUN_ONCE = words(
    "SELECT FROM WITH VALUES TABLE PIVOT UNPIVOT INSERT UPDATE DELETE MERGE COPY DESCRIBE SUMMARIZE"
)


def runs_once(statement: Statement) -> bool:
    """Whether a statement is run now and then forgotten, so that it may be written in another way.

    The text of a view, a macro, a generated column or a prepared statement is kept: it must name the own
    functions of its versions, and be right whatever the tables come to hold.
    """
    tree = statement.tree
    if tree is None:
        return False
    start = _after_explain(tree)
    if any(tree.is_symbol(place, ";") for place in range(len(tree.tokens) - 1)):
        return False
    if tree.word(start) == "CREATE":
        return _creates_table_of_query(tree, start + 1)
    return tree.word(start) in _RUN_ONCE or tree.is_symbol(start, "(")


def _after_explain(tree: TokenTree) -> int:
    start = 0
    if tree.word(start) == "EXPLAIN":
        start += 1
        if tree.word(start) == "ANALYZE":
            start += 1
        elif tree.is_symbol(start, "("):
            start = tree.after(start)
    return start


def _creates_table_of_query(tree: TokenTree, start: int) -> bool:
    """Whether it is `CREATE TABLE t AS SELECT ...`."""
    while tree.word(start) in ("OR", "REPLACE", "TEMP", "TEMPORARY", "LOCAL"):
        start += 1
    if tree.word(start) != "TABLE":
        return False
    start += 1
    if tree.word(start) == "IF":
        start += 3
    while tree.is_name(start) and tree.is_symbol(start + 1, "."):
        start += 2
    start += 1
    if tree.is_symbol(start, "("):  # the names of the columns
        start = tree.after(start)
    return tree.word(start) == "AS"
