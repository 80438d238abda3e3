"""Train on DuckDB, push to Snowflake, and ask both the same questions: here against the emulation.

On an account, `wml.connect("snowflake://<name of a connection>")` takes the place of the emulation.
"""

import warehouse_ml as wml
from warehouse_ml.demo import late_pipeline, load_flights
from warehouse_ml.testing.snowflake import emulated_snowflake

LEARN = "SELECT * EXCLUDE (flight_id, arr_delay) FROM flight_features"

STATEMENTS = {
    "each flight": """
        SELECT flight_id, PREDICT_PROBA('late', *) AS risk FROM flight_features
        ORDER BY flight_id""",
    "the riskiest": """
        SELECT flight_id, carrier, dest, PREDICT_PROBA('late', *) AS risk FROM flight_features
        ORDER BY risk DESC, flight_id LIMIT 10""",
    "by airline": """
        SELECT carrier, count(*) AS flights, avg(PREDICT_PROBA('late@champion', *)) AS risk
        FROM flight_features GROUP BY carrier ORDER BY carrier""",
    "right or wrong": """
        SELECT count(*) AS flights FROM flight_features
        WHERE PREDICT('late', *) = late AND PREDICT_PROBA('late', *) > 0.5""",
    "before a join": """
        WITH scored AS (SELECT carrier, TRY_PREDICT('late@1', *) AS verdict FROM flight_features)
        SELECT name, count(*) AS late FROM scored JOIN airlines USING (carrier)
        WHERE verdict = 1 GROUP BY name""",
}


def main() -> None:
    with wml.connect() as duckdb, emulated_snowflake() as emulation:
        load_flights(duckdb, flights=3_000)
        version = duckdb.train("late", late_pipeline(), LEARN, target="late")
        duckdb.set_alias("late", "champion", version.version)

        for table in ("flight_features", "airlines"):
            emulation.load(table, duckdb.sql(f"FROM {table}").arrow())
        with wml.connect(emulation.session()) as snowflake:
            duckdb.push("late@champion", to=snowflake, aliases="all")
            for title, statement in STATEMENTS.items():
                differences = wml.compare(statement, duckdb, snowflake)
                print(f"{title}: {differences}")
                assert not differences


if __name__ == "__main__":
    main()
