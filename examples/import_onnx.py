"""A colleague hands over an ONNX file and the scores that it should give: prove it, then use it in SQL."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

import warehouse_ml as wml


def hand_over(file: Path):
    """What the colleague does: no warehouse_ml here, and one tensor of floats instead of columns."""
    wines, cultivar = load_wine(return_X_y=True, as_frame=True)
    names = np.array(["barolo", "grignolino", "barbera"])[cultivar]
    matrix = wines.to_numpy(np.float32)
    forest = RandomForestClassifier(n_estimators=50, random_state=0).fit(matrix, names)
    file.write_bytes(to_onnx(forest, matrix[:1]).SerializeToString())
    return wines, forest.predict_proba(matrix)


def main() -> None:
    with TemporaryDirectory() as folder, wml.connect() as session:
        file = Path(folder) / "wine.onnx"
        wines, expected = hand_over(file)
        session.sql("CREATE TABLE wines AS FROM wines")

        names = list(wines.columns)
        version = session.import_onnx("wine", file, features=names, sample=wines, expected=expected)
        print(f"{version.reference}: {version.signature.task} of {len(version.signature.features)} features")
        print(f"largest difference from the colleague's scores: {version.parity['difference']:.1e}")
        session.sql("""
            SELECT PREDICT('wine', *) AS cultivar, count(*) AS wines, round(avg(alcohol), 2) AS alcohol
            FROM wines GROUP BY ALL ORDER BY cultivar
        """).show()

        # Scores that the file does not give are refused, and nothing is registered.
        try:
            session.import_onnx("other", file, features=names, sample=wines, expected=expected[::-1])
        except wml.ParityError as error:
            print(f"Refused: {error.report.mismatches} of the scores differ")
        print("registered:", [model.reference for model in session.models()])


if __name__ == "__main__":
    main()
