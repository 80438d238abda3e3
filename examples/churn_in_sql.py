"""Train two models on a table, give them names, and let SQL say which is better and whom to call."""

from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import warehouse_ml as wml

CUSTOMERS = """
CREATE TABLE customers AS
SELECT
    range AS id,
    (hash(id, 'months') % 60)::INT AS months,
    (hash(id, 'calls') % 8)::INT AS calls,
    (20 + hash(id, 'price') % 60)::INT AS price,
    calls * (CASE WHEN months < 12 THEN 15 ELSE 2 END) + price > 40 + hash(id, 'luck') % 60 AS churned,
    id < 4000 AS known
FROM range(6000)
"""

LEARN = "SELECT months, calls, price, churned FROM customers WHERE known"

COMPARE = """
SELECT
    avg((PREDICT('churn@champion', *) = churned)::INT) AS champion,
    avg((PREDICT('churn@challenger', *) = churned)::INT) AS challenger
FROM customers WHERE NOT known
"""

CALL_FIRST = """
SELECT id, months, calls, price, round(PREDICT_PROBA('churn', *), 3) AS risk
FROM customers WHERE NOT known AND PREDICT('churn', *)
ORDER BY risk DESC, id LIMIT 5
"""


def main() -> None:
    rivals = {
        "champion": make_pipeline(StandardScaler(), LogisticRegression()),
        "challenger": GradientBoostingClassifier(n_estimators=50),
    }
    with wml.connect() as session:
        session.sql(CUSTOMERS)
        for alias, estimator in rivals.items():
            version = session.train("churn", estimator, LEARN, target="churned")
            session.set_alias("churn", alias, version.version)
            print(f"{version.reference}, the {alias}: accuracy {version.metrics['accuracy']:.3f}")

        ((champion, challenger),) = session.sql(COMPARE).fetchall()
        print(f"On customers that neither has seen: {champion:.3f} against {challenger:.3f}")
        session.set_alias("churn", "default", 2 if challenger > champion else 1)
        print("Whom to call first:")
        session.sql(CALL_FIRST).show()


if __name__ == "__main__":
    main()
