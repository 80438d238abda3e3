"""Which messages are complaints? Words weighted by TF-IDF, learned in Python, asked in SQL."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import warehouse_ml as wml

PRAISE = [
    "Wonderful shop, fast delivery and friendly people",
    "The shoes fit perfectly, I love them",
    "Great quality, I will gladly order again",
    "Thank you, the parcel came a day early",
    "Best coffee in town, friendly and quick",
    "Très joli, merci beaucoup!",
]
COMPLAINTS = [
    "The parcel came late and the box was broken",
    "Terrible quality, the shoes broke after a week",
    "Nobody answers, I want my money back",
    "Still waiting for my order, never again",
    "The coffee was cold and the waiter rude",
    "Déçu : colis cassé, jamais remboursé",
]


def main() -> None:
    texts = PRAISE + COMPLAINTS
    labels = ["praise"] * len(PRAISE) + ["complaint"] * len(COMPLAINTS)
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10)).fit(texts, labels)

    with wml.connect() as session:
        version = session.register("tone", model, sample=texts)
        print(f"{version.reference} scores {version.parity['hard_rows']} odd texts as Python does, too.")

        session.sql("CREATE TABLE messages (id INT, message VARCHAR)")
        session.sql("""
            INSERT INTO messages VALUES
                (1, 'LOVE the coffee, thank you!'),
                (2, 'My parcel is late. Again.'),
                (3, 'Colis cassé'),
                (4, 'Great shoes, but they broke'),
                (5, NULL)
        """)
        session.sql("""
            SELECT id, message, PREDICT('tone', message) AS tone,
                   round(1 - PREDICT_PROBA('tone', message), 2) AS complaint
            FROM messages ORDER BY complaint DESC NULLS LAST
        """).show()


if __name__ == "__main__":
    main()
