r"""Macros of DuckDB's for what depends on the type of a value, which no parser knows.

`typeof` is a constant to DuckDB's optimizer: of each CASE below, one branch is left when a statement runs. A
macro's argument is put wherever it is mentioned; where that is often, it is the argument of a lambda.
A VARIANT is JSON. A date or a timestamp in it is a text with a mark at its end, so that it can be told from
a text that a user wrote; `wml_plain` takes the mark away.
"""

from typing import Any

from sqlglot import exp

from warehouse_ml.testing.snowflake.identifiers import MARK

PLACE = ("_fs_global", "main")
"""The database and schema of the macros."""

NAME_MARKS = f"{MARK}[0-9a-f]+{MARK}"
DATE, TIME = f"{MARK}date{MARK}", f"{MARK}time{MARK}"

APPROXIMATE = "('DOUBLE', 'FLOAT', 'VARCHAR', 'JSON')"
NANOSECONDS = r":[0-9]+[.][0-9]{6}[0-9]*[1-9]"
"""A text of a time whose digits DuckDB would cut: it has six behind the second."""

MILLISECONDS = "'%Y-%m-%d %H:%M:%S.%g'"


def once(body: str) -> str:
    """A macro's body in which `v` is the argument `x`, computed once however often it is mentioned."""
    return f"list_transform([x], lambda v: {body})[1]"


PLAIN = f"""
replace(replace(json_extract_string(CAST(CAST(v AS VARCHAR) AS JSON), '$'), '{DATE}', ''), '{TIME}', '')
"""
READABLE = once(f"CASE typeof(v) WHEN 'JSON' THEN {PLAIN} ELSE CAST(v AS VARCHAR) END")
QUOTIENT = f"""
CASE WHEN typeof(v.a) IN {APPROXIMATE} OR typeof(v.b) IN {APPROXIMATE} THEN v.a / v.b
ELSE round(v.a / v.b, {{schema}}.wml_digits(typeof(v.a))) END
"""

MACROS = {
    # NUMBER / NUMBER has max(s, min(s + 6, 12)) digits behind the point, s being those of the dividend
    "wml_digits(type)": r"""
        CASE WHEN type LIKE 'DECIMAL%' THEN greatest(
            regexp_extract(type, ',(\d+)', 1)::INT, least(regexp_extract(type, ',(\d+)', 1)::INT + 6, 12)
        ) ELSE 6 END
    """,
    "wml_quotient(a, b)": QUOTIENT.replace("v.", ""),
    "wml_long_quotient(a, b)": f"list_transform([struct_pack(a := a, b := b)], lambda v: {QUOTIENT})[1]",
    # an average has as many as a quotient; DuckDB's type of the sum tells what was summed
    "wml_mean(mean, summed)": f"""
        CASE WHEN summed IN {APPROXIMATE} THEN mean ELSE round(mean, {{schema}}.wml_digits(summed)) END
    """,
    "wml_plain(x)": f"replace(replace(x, '{DATE}', ''), '{TIME}', '')",
    "wml_text(x)": once(f"""
        CASE typeof(v)
            WHEN 'DOUBLE' THEN regexp_replace(CAST(v AS VARCHAR), '\\.0$', '')
            WHEN 'TIMESTAMP' THEN strftime(CAST(CAST(v AS VARCHAR) AS TIMESTAMP), {MILLISECONDS})
            WHEN 'JSON' THEN {PLAIN}
            ELSE CAST(v AS VARCHAR)
        END
    """),
    "wml_readable(x)": f"""
        list_transform([{READABLE}], lambda t: CASE
            WHEN length(t) > 26 AND regexp_matches(t, '{NANOSECONDS}')
                THEN error('The emulation does not emulate times with nanoseconds.')
            ELSE t
        END)[1]
    """,
    "wml_variant(x)": once(f"""
        CASE typeof(v)
            WHEN 'DATE' THEN to_json(CAST(v AS VARCHAR) || '{DATE}')
            WHEN 'TIMESTAMP' THEN
                to_json(strftime(CAST(CAST(v AS VARCHAR) AS TIMESTAMP), {MILLISECONDS}) || '{TIME}')
            ELSE to_json(v)
        END
    """),
    "wml_kind(x)": once(f"""
        CASE
            WHEN json_type(v) = 'VARCHAR' AND contains(CAST(v AS VARCHAR), '{DATE}') THEN 'DATE'
            WHEN json_type(v) = 'VARCHAR' AND contains(CAST(v AS VARCHAR), '{TIME}') THEN 'TIMESTAMP_NTZ'
            ELSE json_type(v)
        END
    """),
    "wml_typeof(x)": """
        list_transform([{schema}.wml_kind(x)], lambda kind: CASE
            WHEN kind IN ('UBIGINT', 'BIGINT', 'HUGEINT') THEN 'INTEGER'
            WHEN kind = 'NULL' THEN 'NULL_VALUE'
            WHEN kind = 'DOUBLE' THEN
                error('The emulation does not emulate TYPEOF of a number that is not whole.')
            ELSE kind
        END)[1]
    """,
    "wml_row(x, nulls)": f"""
        CASE
            WHEN regexp_matches(typeof(x), 'DATE|TIMESTAMP|{MARK}') OR NOT nulls THEN (
                SELECT COALESCE(
                    json_group_object(regexp_replace(key, '{NAME_MARKS}', '', 'g'), value), '{{{{}}}}'::JSON
                )
                FROM (SELECT {{schema}}.wml_variant(COLUMNS(*)) FROM (SELECT UNNEST(x)))
                UNPIVOT INCLUDE NULLS (value FOR key IN (COLUMNS(*)))
                WHERE nulls OR value IS NOT NULL
            )
            ELSE to_json(x)
        END
    """,
}


def create(duck: Any) -> None:
    """Make the macros in the database that all sessions of an emulation share."""
    schema = ".".join(PLACE)
    for head, body in MACROS.items():
        text = body.replace("{schema}", schema).replace("{{}}", "{}")
        duck.execute(f"CREATE MACRO {schema}.{head} AS {text}")


def macro(name: str, *arguments: Any) -> exp.Expr:
    """A call of a macro."""
    call = exp.Anonymous(this=name, expressions=list(arguments))
    return exp.Dot.build([*map(exp.to_identifier, PLACE), call])
