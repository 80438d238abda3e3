"""Real data has gaps: what a NULL and an unknown category do to a score, and how to choose."""

from palmerpenguins import load_penguins
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import warehouse_ml as wml

NUMBERS = ["bill_length_mm", "flipper_length_mm", "body_mass_g"]
CATEGORIES = ["island", "sex"]

LOST = """
INSERT INTO penguins BY NAME
SELECT 'Atlantis' AS island, 50 AS bill_length_mm, 220 AS flipper_length_mm, NULL AS body_mass_g
"""

HEAVY_GAPS = """
SELECT island, flipper_length_mm AS flipper, PREDICT('filled', *) AS filled,
       PREDICT('plain', *) AS plain, PREDICT('typical', *) AS typical
FROM penguins WHERE body_mass_g IS NULL
"""


def species_model(*steps):
    """A pipeline that tells the species, with these steps for the numbers."""
    known = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(
        make_column_transformer((make_pipeline(*steps), NUMBERS), (known, CATEGORIES)), LogisticRegression()
    )


def main() -> None:
    penguins = load_penguins()
    rows, species = penguins[NUMBERS + CATEGORIES], penguins.species
    measured = rows.dropna(subset=NUMBERS)
    filling = species_model(SimpleImputer(), StandardScaler()).fit(rows, species)
    plain = species_model(StandardScaler()).fit(measured, species[measured.index])
    with wml.connect() as session:
        session.sql("CREATE TABLE penguins AS FROM penguins")
        session.sql(LOST)
        # An estimator that fills gaps itself gets every NULL, and each penguin has a species.
        session.register("filled", filling, sample=rows)
        # One that cannot take a gap in a number: NULL gives NULL, or a typical value, or an error.
        session.register("plain", plain, sample=measured)
        session.register("typical", plain, sample=measured, defaults=dict(measured[NUMBERS].median()))
        session.register("careful", plain, sample=measured, missing={"body_mass_g": "error"})
        session.sql(HEAVY_GAPS).show()
        try:
            session.sql("SELECT PREDICT('careful', *) FROM penguins").fetchall()
        except wml.WarehouseMLError as error:
            print(f"PREDICT('careful', *): {error}")


if __name__ == "__main__":
    main()
