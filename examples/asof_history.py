"""Which model decided that, and what would today's model say? Every change of an alias is kept."""

from datetime import UTC, datetime

from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

import warehouse_ml as wml

FLATS = """
CREATE TABLE flats AS
SELECT
    range AS id,
    (30 + hash(id, 'size') % 90)::INT AS size,
    (1 + hash(id, 'rooms') % 5)::INT AS rooms,
    300 + 14 * size - 35 * rooms + (hash(id, 'luck') % 120)::INT AS rent
FROM range(2000)
"""


def main() -> None:
    with wml.connect() as session:
        session.sql(FLATS)
        learn = "SELECT size, rooms, rent FROM flats"

        session.train("rent", LinearRegression(), learn, target="rent", comment="spring")
        session.set_alias("rent", "default", 1)
        spring = datetime.now(UTC)

        session.train("rent", DecisionTreeRegressor(max_depth=3), learn, target="rent", comment="autumn")
        session.set_alias("rent", "default", 2)

        for change in session.alias_history("rent"):
            print(f"{change.changed_at:%H:%M:%S.%f}  {change.alias} is version {change.version}")

        print(f"\nRents as of {spring:%H:%M:%S.%f}, and now:")
        session.sql(f"""
            SELECT id, size, rooms,
                   round(PREDICT('rent@asof:{spring:%Y-%m-%dT%H:%M:%S.%f}', *)) AS spring,
                   round(PREDICT('rent', *)) AS now
            FROM flats ORDER BY id LIMIT 4
        """).show()

        # A view keeps the version that it was made with, whatever becomes of the alias.
        session.sql("CREATE VIEW rents AS SELECT id, PREDICT('rent', *) AS rent FROM flats")
        before = session.sql("SELECT sum(rent) FROM rents").fetchall()
        session.set_alias("rent", "default", 1)
        after = session.sql("SELECT sum(rent) FROM rents").fetchall()
        print("The view is as it was:", after == before)


if __name__ == "__main__":
    main()
