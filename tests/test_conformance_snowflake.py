"""Every pipeline of the conformance suite is pushed and scores on the emulated Snowflake as on DuckDB.

That DuckDB scores as the estimator does, `test_conformance.py` shows with the same rows.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pandas as pd
import pyarrow as pa
import pytest

import warehouse_ml as wml
from tests.conformance.pipelines import PIPELINES
from tests.test_conformance import REFUSED
from warehouse_ml.testing.snowflake import Emulation, emulated_snowflake

_numbers = count(1)


@dataclass
class Engines:
    duckdb: wml.Session
    snowflake: wml.Session
    emulation: Emulation

    def load(self, table: str, rows: pa.Table) -> None:
        self.duckdb.connection.register("rows_to_load", rows)
        self.duckdb.connection.execute(f"CREATE TABLE {table} AS FROM rows_to_load")
        self.duckdb.connection.unregister("rows_to_load")
        self.emulation.load(table, rows)

    def check(self, text: str) -> None:
        found = wml.compare(text, self.duckdb, self.snowflake)
        assert not found, str(found)


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with (
        emulated_snowflake() as emulation,
        wml.connect() as duckdb,
        wml.connect(emulation.session()) as snowflake,
    ):
        yield Engines(duckdb, snowflake, emulation)


def as_arrow(rows: pd.DataFrame) -> pa.Table:
    categories = [name for name in rows if isinstance(rows[name].dtype, pd.CategoricalDtype)]
    plain = rows.astype({name: rows[name].cat.categories.dtype for name in categories})
    table = pa.Table.from_pandas(plain, preserve_index=False)
    return table.append_column("row_number_of_test", pa.array(range(len(rows))))


@pytest.mark.parametrize("name", sorted(PIPELINES.keys() - REFUSED))
def test_both_engines_score_alike(engines: Engines, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # estimators warn of the extreme rows
        case = PIPELINES[name]()
        model = f"m_{next(_numbers)}"
        version = engines.duckdb.register(model, case.estimator, sample=case.sample)
    engines.duckdb.push(f"{model}@1", to=engines.snowflake)
    engines.load(f"all_{model}", as_arrow(case.rows.reset_index(drop=True)))
    call = f"TRY_PREDICT('{model}', * EXCLUDE (row_number_of_test))"
    engines.check(f"SELECT row_number_of_test AS n, {call} AS p FROM all_{model}")
    if version.signature.probabilities is not None:
        kept = engines.duckdb.sql(f"SELECT * FROM all_{model} WHERE {call} IS NOT NULL").arrow()
        engines.load(f"kept_{model}", kept)
        call = f"PREDICT_PROBA('{model}', * EXCLUDE (row_number_of_test))"
        engines.check(f"SELECT row_number_of_test AS n, {call} AS p FROM kept_{model}")
    engines.snowflake.drop_model(model)
