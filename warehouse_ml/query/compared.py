"""What is let through to Snowflake's dialect because it was compared, and why other things are not.

The names are sqlglot's classes. DuckDB's side was compared by running it, Snowflake's by its documentation.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from warehouse_ml.query.tokens import words

if TYPE_CHECKING:
    from sqlglot import exp

Rule: TypeAlias = "Callable[[exp.Expr], Iterator[tuple[str, str]]]"
"""Says why a node is refused, and what to write instead; nothing where it is let through."""

ALIKE = {"now": "CURRENT_TIMESTAMP", "strlen": "OCTET_LENGTH"}
"""Functions of DuckDB that sqlglot does not know, and what they are called in Snowflake."""

THERE = "Write it on a Snowflake session, in Snowflake's own words."

SHAPES = words(
    "Add Alias And Array Between Boolean Bracket CTE Case Cast Column ColumnConstraint ColumnDef Create "
    "Cube DPipe DataType DataTypeParam DefaultColumnConstraint Delete Distinct Div Dot EQ Escape Except "
    "Exists Filter From GT GTE Group GroupingSets Having ILike Identifier If IgnoreNulls In Insert IntDiv "
    "Intersect Interval Is Join LT LTE Lambda Lateral Like Limit Literal Merge Mod Mul NEQ Neg Not "
    "NotNullColumnConstraint Null NullSafeEQ NullSafeNEQ Offset Or Order Ordered Paren Placeholder "
    "Properties PropertyEQ Qualify RespectNulls Rollup Schema Select Star Struct StructExtract Sub "
    "Subquery Table TableAlias TableSample TemporaryProperty Tuple Union Unnest Update Values Var When "
    "Whens Where Window WindowSpec With WithinGroup BitwiseAnd BitwiseOr"
)
FUNCTIONS = words(
    "Abs Acos Asin Atan Atan2 Avg Cbrt Ceil Coalesce Concat Contains Cos Count CountIf CovarPop "
    "CovarSamp CumeDist CurrentDate CurrentTimestamp DateDiff Day DayOfWeek DayOfWeekIso "
    "DayOfYear Degrees DenseRank EndsWith Exp Extract FirstValue Floor Greatest GroupConcat Hour Lag "
    "LastDay LastValue Lead Least Left Length Ln Log LogicalAnd LogicalOr Lower MD5 Max Median Min Minute "
    "Month NthValue Ntile Nullif Pad PercentRank PercentileCont PercentileDisc Pi Pow Quarter Radians "
    "Rand Rank Repeat Replace Right Round RowNumber SHA2 Sign Sin SplitPart Sqrt StartsWith Stddev "
    "StddevPop StddevSamp StrPosition Substring Sum Tan TimeToStr TimestampTrunc Transform Trim Trunc "
    "Upper Uuid Variance VariancePop Week WeekOfYear Year"
)

REFUSED = {
    "AnyValue": ("any_value, whose choice is each engine's own", "Write min(x) or max(x)."),
    "ApproxDistinct": (
        "approx_count_distinct, which each engine estimates otherwise",
        "Write count(DISTINCT x).",
    ),
    "ApproxQuantile": (
        "approx_quantile, which each engine estimates otherwise",
        "Write quantile_cont(x, 0.5).",
    ),
    "Corr": ("corr, which is NaN in DuckDB where a side is constant", "Write covar_pop and stddev_pop."),
    "DateFromParts": ("make_date, which counts on beyond the last month and day", "Cast a text to DATE."),
    "ArgMax": (
        "arg_max, which leaves out NULLs of its first argument",
        "Use QUALIFY row_number() OVER (...) = 1.",
    ),
    "ArgMin": (
        "arg_min, which leaves out NULLs of its first argument",
        "Use QUALIFY row_number() OVER (...) = 1.",
    ),
    "ArrayAgg": ("list and array_agg, which keep NULLs, and give NULL where there are no rows", THERE),
    "ArrayFilter": ("list_filter", THERE),
    "AtTimeZone": ("AT TIME ZONE", ""),
    "Columns": ("COLUMNS(...)", ""),
    "Comprehension": ("a list comprehension", ""),
    "ConcatWs": ("DuckDB's function concat_ws, which leaves NULLs out", "Join the texts by ||."),
    "First": (
        "first, whose choice is each engine's own",
        "Write min(x), or first_value(x) OVER (ORDER BY ...).",
    ),
    "GenerateSeries": (
        "generate_series and range",
        "Write the numbers into a table, or as (VALUES (1), (2)).",
    ),
    "Glob": ("GLOB", "Write LIKE."),
    "JSONExtract": ("a path into JSON", THERE),
    "JSONExtractScalar": ("a path into JSON", THERE),
    "Kurtosis": ("kurtosis, which each engine corrects otherwise", ""),
    "Last": (
        "last, whose choice is each engine's own",
        "Write max(x), or first_value(x) OVER (ORDER BY ... DESC).",
    ),
    "LimitOptions": ("LIMIT in percent", ""),
    "Mode": (
        "mode, which among equally frequent values takes the first",
        "Count the values and take one by ORDER BY.",
    ),
    "OnConflict": ("ON CONFLICT", ""),
    "PositionalColumn": ("#1", ""),
    "PrimaryKeyColumnConstraint": ("PRIMARY KEY, which Snowflake does not enforce", "Leave it out."),
    "PrimaryKey": ("PRIMARY KEY, which Snowflake does not enforce", "Leave it out."),
    "UniqueColumnConstraint": ("UNIQUE, which Snowflake does not enforce", "Leave it out."),
    "CheckColumnConstraint": ("CHECK, which Snowflake does not enforce", "Leave it out."),
    "Quantile": ("quantile", "Write quantile_cont or quantile_disc."),
    "ReadCSV": ("a file in FROM", "Load it into a table or a stage."),
    "ReadParquet": ("a file in FROM", "Load it into a table or a stage."),
    "Returning": ("RETURNING", ""),
    "Reverse": ("reverse, which keeps signs of several characters together", ""),
    "Skewness": ("skewness, which each engine corrects otherwise", ""),
    "Slice": ("a slice", ""),
    "StrToTime": ("strptime", "Cast texts like 2020-12-31 23:59:59 to TIMESTAMP."),
    "TimeToUnix": ("DuckDB's function epoch, which counts fractions of seconds", "Write date_diff."),
    "ToMap": ("a MAP", "Write a STRUCT or columns."),
    "Map": ("a MAP", "Write a STRUCT or columns."),
    "TryCast": (
        "TRY_CAST: Snowflake reads other texts as numbers, dates and truths than DuckDB",
        "Cast rows whose texts are known to be good, with CAST.",
    ),
    "Explode": ("unnest in SELECT", "Write LATERAL FLATTEN on a Snowflake session."),
    "Collate": ("COLLATE", "Compare lower(x)."),
    "Pivot": (
        "PIVOT and UNPIVOT, whose columns are named otherwise",
        "Write sum(x) FILTER (WHERE ...) AS name.",
    ),
} | dict.fromkeys(
    # Snowflake matches the whole text, replaces every match, and gives NULL where nothing matches.
    (
        "RegexpLike",
        "RegexpFullMatch",
        "RegexpReplace",
        "RegexpExtract",
        "RegexpExtractAll",
        "RegexpSplit",
        "SimilarTo",
    ),
    ("a regular expression", THERE),
)
