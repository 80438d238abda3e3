"""The functions that send rows to a service: which there are, and the statements that remove them.

Snowflake keeps them when their service is dropped, and every call is an error then. It keeps them too when
the service is given other versions; a call of one that is left out is tried again and again, for the service
says that it has none such. SHOW FUNCTIONS does not tell the service of a function, so our comment on it does.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from warehouse_ml.engines.snowflake_deployment import schema_of
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Method

_COMMENT = re.compile(r"\w+@[0-9]+ \w+ on \w+ by ([A-Za-z0-9_$]+), SHA-256 [0-9a-f]{64}", re.ASCII)
_CALLED = re.compile(r"(WML_[A-Z0-9_]+)\(([A-Z_]+(?:, [A-Z_]+)*)\) RETURN .*", re.ASCII)
"""How SHOW FUNCTIONS writes a function with the types of its arguments."""


def comment_of(version: ModelVersion, method: Method, device: str, service: str) -> str:
    """What a function says of itself; `drop_functions` reads it."""
    return f"{version.reference} {method} on {device} by {service.lower()}, SHA-256 {version.sha256}"


def show_functions() -> str:
    """The statement that lists the functions of the registry's schema."""
    return rendered("show_functions", schema=schema_of(None))


def drop_functions(
    service: str, columns: Sequence[str], rows: Iterable[Sequence[object]], keep: Collection[str] = ()
) -> list[str]:
    """The statements that remove the functions of a service.

    Args:
        service: The service's name.
        columns: The names of the columns that SHOW FUNCTIONS answers with.
        rows: Its rows.
        keep: The functions that stay, with their schema and in lower case.
    """
    places = [column.lower() for column in columns]
    called, comment = places.index("arguments"), places.index("description")
    drops = []
    for row in rows:
        made = _COMMENT.fullmatch(str(row[comment]))
        found = _CALLED.fullmatch(str(row[called]))
        if made is not None and found is not None and made[1] == service.lower():
            function = f"{schema_of(None)}.{found[1].lower()}"
            if function not in keep:
                drops.append(rendered("drop_service_function", function=function, types=found[2]))
    return drops
