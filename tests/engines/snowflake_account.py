"""Snowflake accounts for tests: the emulation, and a quicker one without its server and its workers."""

import re
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from fakesnow.instance import FakeSnow
from snowflake.connector import errors

from warehouse_ml.engines.snowflake import SnowflakeEngine, connect
from warehouse_ml.testing.snowflake.quiet import QuietConnection

TABLES = ("format", "model", "version", "plan", "alias_change")


def engine_on(emulation, database="EMULATED"):
    """An engine on a new session of an emulated account."""
    return connect(emulation.session(database))


def registry_rows(engine):
    """All that the registry of a database holds, but the moments at which aliases changed."""
    found = {}
    for table in TABLES:
        columns = "* EXCLUDE changed_at" if table == "alias_change" else "*"
        found[table] = sorted(engine.run(f"SELECT {columns} FROM warehouse_ml.registry_{table}"), key=repr)
    return found


_TRANSFORMED = {}
"""Statements as fakesnow hands them to DuckDB."""


class QuickAccount:
    """Tables by fakesnow in this process; stages and functions are no more than names with their content.

    Attributes:
        statements: The statements that were sent.
        stage: The files by their paths.
        functions: The statements that made functions, by name.
        granted: The grants.
        fail_at: The number of the statement that fails; None for none.
        done_before: Whether it has done its work by then, as when the answer is lost.
    """

    def __init__(self):
        self.statements, self.stage, self.functions, self.granted = [], {}, {}, set()
        self.fail_at, self.done_before = None, False
        self._connection = FakeSnow().connect("DB1", "PUBLIC")
        self._connection._duck_conn = QuietConnection(self._connection._duck_conn)
        self._connection._paramstyle = "qmark"
        self._connection.is_pyformat = False
        self._open = False

    def engine(self):
        """An engine on the account."""
        return QuickEngine(self)

    @property
    def session(self):
        """What an engine asks of a Snowpark session."""
        return SimpleNamespace(connection=self._connection, get_current_database=lambda: '"DB1"')

    def execute(self, sql, parameters):
        """Run a statement, unless it is the one that fails."""
        self.statements.append(sql)
        if self.fail_at != len(self.statements):
            return self._answer(sql, parameters)
        if self.done_before:
            with suppress(errors.ProgrammingError):
                self._answer(sql, parameters)
        raise errors.OperationalError("The connection was lost.", errno=250001)

    def _answer(self, sql, parameters):
        word = sql.split()[0].upper()
        own = {"PUT": self._put, "GET": self._get, "GRANT": self._grant}.get(word)
        if own is not None:
            return Answer(own(sql))
        if sql == "SELECT CURRENT_TRANSACTION()":
            return Answer([("1" if self._open else None,)])
        if sql.startswith("SHOW USER FUNCTIONS"):
            return Answer(
                [
                    (
                        name.rpartition(".")[2].upper(),
                        "Y" if " SECURE FUNCTION" in made else "N",
                        comment_of(made),
                    )
                    for name, made in self.functions.items()
                ]
            )
        if re.match(r"CREATE (OR REPLACE )?(SECURE )?FUNCTION", sql):
            name = re.search(r"FUNCTION (?:IF NOT EXISTS )?([\w.\"]+)\(", sql)[1]
            if "OR REPLACE" in sql or name not in self.functions:
                self.functions[name] = sql
            return Answer([("made",)])
        self._open = {"BEGIN": True, "COMMIT": False, "ROLLBACK": False}.get(word, self._open)
        return self._translated(sql, parameters)

    def _translated(self, sql, parameters):
        """Have fakesnow run a statement, and remember what it makes of it: that takes most of its time."""
        cursor = self._connection.cursor()
        transform = cursor._transform

        def remembered(expression, values):
            key = sql, expression.sql()
            if key not in _TRANSFORMED:
                _TRANSFORMED[key] = transform(expression, values)
            return _TRANSFORMED[key].copy()

        cursor._transform = remembered
        return cursor.execute(sql, parameters)

    def _put(self, sql):
        file, folder = re.match(r"PUT 'file://(.*)' @\w+\.artifacts/(\S+)", sql).groups()
        path = f"{folder}/{Path(file).name}"
        status = "SKIPPED" if path in self.stage else "UPLOADED"
        self.stage.setdefault(path, Path(file).read_bytes())
        return [(path, path, 0, 0, "NONE", "NONE", status, "")]

    def _get(self, sql):
        path, folder = re.match(r"GET @\w+\.artifacts/(\S+) 'file://(.*)/'", sql).groups()
        if path not in self.stage:
            raise errors.ProgrammingError("The file does not exist.", errno=2003, sqlstate="02000")
        Path(folder, Path(path).name).write_bytes(self.stage[path])
        return [(path, 0, "DOWNLOADED", "")]

    def _grant(self, sql):
        self.granted.add(sql)
        return [("granted",)]

    def state(self):
        """All that there is, to be compared."""
        rows = registry_rows(self.engine())
        return rows, dict(self.stage), dict(self.functions), set(self.granted)


def comment_of(made):
    return re.search(r"^COMMENT = '(.*)'$", made, re.MULTILINE)[1]


class Answer(list):
    """The rows of a statement that the account answers itself."""

    description = (
        ("name",),
        ("is_secure",),
        ("description",),
    )  # of SHOW FUNCTIONS, the only one that is asked

    def fetchall(self):
        return list(self)


class QuickEngine(SnowflakeEngine):
    """An engine whose statements a quick account answers."""

    def __init__(self, account):
        super().__init__(account.session)
        self._account = account

    def execute(self, sql, parameters=None):
        return self._account.execute(sql, list(parameters) if parameters else None)
