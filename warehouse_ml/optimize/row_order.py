"""Whether a SELECT may come in another order of rows without anyone being able to tell."""

from functools import lru_cache

from warehouse_ml.query.select_block import SelectBlock
from warehouse_ml.query.tokens import words

AGGREGATES = words(
    "COUNT SUM AVG MEAN MIN MAX STDDEV STDDEV_SAMP STDDEV_POP VARIANCE VAR_SAMP VAR_POP CORR COVAR_POP "
    "COVAR_SAMP MEDIAN QUANTILE QUANTILE_CONT QUANTILE_DISC BOOL_AND BOOL_OR APPROX_COUNT_DISTINCT "
    "APPROX_QUANTILE ENTROPY KURTOSIS SKEWNESS MAD COUNT_IF COUNTIF COUNT_STAR PRODUCT REGR_SLOPE "
    "REGR_INTERCEPT FSUM FAVG"
)
"""Aggregates whose result does not depend on the order of the rows."""

_ORDER_TELLS = words(
    "LIST ARRAY_AGG STRING_AGG GROUP_CONCAT LISTAGG FIRST LAST ANY_VALUE ARBITRARY ARG_MIN ARG_MAX MIN_BY "
    "MAX_BY ARGMIN ARGMAX MODE HISTOGRAM UNNEST GENERATE_SERIES RANGE SAMPLE RESERVOIR_QUANTILE APPROX_TOP_K "
    "ROLLUP CUBE SETS BITSTRING_AGG MAP_FROM_ENTRIES ARRAY"
)
_UNUSUAL_JOINS = words("ASOF POSITIONAL PIVOT UNPIVOT TABLESAMPLE LATERAL SAMPLE WITH")


def order_is_free(block: SelectBlock) -> bool:
    """Whether its rows come in no order of their own, or leave it no trace.

    So it is where it aggregates, sorts its rows or joins tables, for DuckDB's joins keep no order.
    """
    if order_tells(block):
        return False
    return is_aggregated(block) or block.distinct or "ORDER" in block.clauses or is_plain_join(block)


@lru_cache(maxsize=64)
def order_tells(block: SelectBlock) -> bool:
    """Whether some part of it could give another result for another order of the rows before it."""
    tree = block.tree
    if block.has_limit or block.distinct_on:
        return True
    if any(tree.keyword(place) in _ORDER_TELLS for place in block.tokens()):
        return True
    # without an order of its own, a window function numbers rows as they come
    return any(tree.keyword(place) == "OVER" or tree.keyword(place) == "WINDOW" for place in block.tokens())


@lru_cache(maxsize=64)
def is_aggregated(block: SelectBlock) -> bool:
    """Whether it gives a row for each group, or a single one."""
    tree = block.tree
    if "GROUP" in block.clauses or "HAVING" in block.clauses:
        return True
    return all(
        any(tree.keyword(at) in AGGREGATES and tree.is_symbol(at + 1, "(") for at in range(low, high))
        for low, high in block.items
    )


def is_plain_join(block: SelectBlock) -> bool:
    """Whether all tables are joined by conditions, so that the rows come in no order anyway."""
    tree = block.tree
    low, high = block.source
    found = [tree.keyword(at) for at in tree.level(low, high)]
    joins = found.count("JOIN")
    commas = any(tree.is_symbol(at, ",") for at in tree.level(low, high))
    conditions = found.count("ON") + found.count("USING")
    return joins > 0 and joins == conditions and not commas and not set(found) & _UNUSUAL_JOINS


def inside_aggregate(block: SelectBlock, place: int) -> bool:
    """Whether a token stands in the arguments of an aggregate."""
    tree = block.tree
    around = tree.parent[place]
    while around != block.group and around >= 0:
        if tree.keyword(around - 1) in AGGREGATES:
            return True
        around = tree.parent[around]
    return False
