"""Functions that only DuckDB has, which a statement for Snowflake may not call."""

from functools import cache
from itertools import pairwise

import duckdb
from sqlglot import exp

from warehouse_ml.testing.snowflake.errors import EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.tokens import Token

SHARED = """
abs acos acosh any_value approx_count_distinct approx_top_k array_agg array_append array_cat
array_contains array_distinct array_flatten array_intersection array_position array_prepend array_reverse
array_slice array_sort array_to_string ascii asin asinh atan atan2 atanh avg bit_and bit_count bit_length
bit_or bit_xor bitand bitnot bitor bitxor cast cbrt ceil ceiling char char_length chr coalesce collate
concat concat_ws contains corr cos cosh cot count count_if covar_pop covar_samp cume_dist
current_database current_date current_role current_schema current_schemas current_time current_timestamp
current_user date date_part date_trunc datediff day dayname dayofmonth dayofweek dayofyear decode degrees
dense_rank div encode exp extract factorial filter first_value flatten floor generate_series getvariable
greatest grouping hour ilike in initcap insert interval json_extract_path_text kurtosis lag last_day
last_value lead least left length like listagg ln localtime localtimestamp log lower lpad ltrim map
map_cat map_contains_key map_delete map_entries map_from_entries map_insert map_keys map_pick map_size
max max_by md5 median min min_by minute mod mode month monthname not nth_value ntile nullif nvl nvl2
octet_length percent_rank percentile_cont percentile_disc pi position pow power quarter radians random
rank reduce regexp_extract_all regexp_like regexp_replace regexp_substr regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round row
row_number rpad rtrim second sha1 sign sin sinh skew soundex split split_part sqrt st_asgeojson st_astext
st_aswkb st_aswkt stddev stddev_pop stddev_samp string_agg substr substring sum tan tanh to_binary
to_json to_timestamp translate trim trunc try_cast typeof unicode upper uuid_string values var_pop
var_samp variance week weekofyear year zeroifnull
"""
"""Names of functions that both have; keywords that DuckDB lists as functions are among them."""

OTHER_RESULTS = frozenset(
    {"HASH", "HASH_AGG", "SHA2_BINARY", "MD5_NUMBER", "MINHASH", "TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_TZ"}
)
"""Functions of Snowflake's whose results nothing here can compute."""


@cache
def only_duckdb() -> frozenset[str]:
    """The names of DuckDB's functions that Snowflake has not, in capital letters."""
    with duckdb.connect() as connection:
        names = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    shared = SHARED.split()
    return frozenset(name.upper() for (name,) in names if name.lower() not in shared)


def check_functions(found: list[Token], statement: exp.Expr) -> None:
    """Refuse calls of functions that Snowflake does not know, or whose results are not to be had here."""
    called = {token.word for token, after in pairwise(found) if token.kind == "word" and after.word == "("}
    suspects = called & (only_duckdb() | OTHER_RESULTS)
    suspects -= {name.name.upper() for name in statement.find_all(exp.Identifier)}
    for name in sorted(suspects):
        if name in OTHER_RESULTS:
            raise NotEmulatedError(f"the function {name}")
        raise EmulationError(2140, f"SQL compilation error: Unknown function {name}", "42601")
