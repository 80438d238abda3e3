import re
import shutil
import threading
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import warehouse_ml as wml
from warehouse_ml import errors

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
IRIS.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
NAMES = SPECIES.map(dict(enumerate(["setosa", "versicolor", "virginica"])))
CLASSIFIER = LogisticRegression(max_iter=500).fit(IRIS, NAMES)
REGRESSOR = LinearRegression().fit(IRIS, SPECIES * 1.5)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with wml.connect(file) as opened:
        opened.sql("CREATE TABLE iris AS FROM IRIS")
        opened.register("species", CLASSIFIER, IRIS)
        opened.register("size", REGRESSOR, IRIS)
    return file


@pytest.fixture
def session(shop: Path, tmp_path: Path):
    with wml.connect(shutil.copy(shop, tmp_path / "copy.duckdb")) as opened:
        yield opened


def column(session: wml.Session, query: str, *params) -> list:
    return [row[0] for row in session.sql(query, list(params) or None).fetchall()]


# --- results ---


def test_labels_keep_their_type(session) -> None:
    assert column(session, "SELECT PREDICT('species', *) FROM iris") == CLASSIFIER.predict(IRIS).tolist()


def test_numbers_are_the_estimators(session) -> None:
    got = column(session, "SELECT PREDICT('size', *) FROM iris")
    np.testing.assert_allclose(got, REGRESSOR.predict(IRIS), rtol=1e-12)


def test_probabilities_of_several_classes_are_a_struct(session) -> None:
    rows = column(session, "SELECT PREDICT_PROBA('species', *) FROM iris")
    assert list(rows[0]) == ["setosa", "versicolor", "virginica"]
    np.testing.assert_allclose(
        [list(row.values()) for row in rows], CLASSIFIER.predict_proba(IRIS), rtol=1e-12
    )


def test_the_probability_of_two_classes_is_the_second_ones(session) -> None:
    late = SPECIES > 0
    model = LogisticRegression().fit(IRIS, late)
    session.register("flag", model, IRIS)
    got = session.sql("SELECT PREDICT('flag', *) AS label, PREDICT_PROBA('flag', *) AS p FROM iris")
    assert got.types == ["BOOLEAN", "DOUBLE"]
    np.testing.assert_allclose([p for _, p in got.fetchall()], model.predict_proba(IRIS)[:, 1], rtol=1e-12)


def test_several_outputs_are_a_struct_with_names(session) -> None:
    model = LinearRegression().fit(IRIS, np.column_stack([SPECIES, SPECIES * 2]))
    session.register("both", model, IRIS, outputs=["low", "high"])
    row = column(session, "SELECT PREDICT('both', *) FROM iris LIMIT 1")[0]
    assert list(row) == ["low", "high"]


def test_several_classified_outputs(session) -> None:
    targets = np.column_stack([SPECIES, SPECIES > 1])
    model = MultiOutputClassifier(LogisticRegression(max_iter=500)).fit(IRIS, targets)
    session.register("pair", model, IRIS, outputs=["kind", "large"])
    assert session.sql("SELECT PREDICT('pair', *) FROM iris").types == ['STRUCT(kind BIGINT, "large" BIGINT)']


def test_a_transformer_gives_a_struct(session) -> None:
    model = make_pipeline(StandardScaler(), PCA(2)).fit(IRIS)
    session.register("axes", model, IRIS)
    rows = column(session, "SELECT PREDICT('axes', *) FROM iris")
    assert list(rows[0]) == ["pca0", "pca1"]
    np.testing.assert_allclose([list(r.values()) for r in rows], model.transform(IRIS), atol=1e-12)


@pytest.mark.parametrize("rows", [0, 1, 2047, 2048, 2049, 100_000])
def test_the_number_of_rows_never_shows(session, rows: int) -> None:
    query = f"SELECT PREDICT('size', *) FROM (FROM iris, range(1000)) LIMIT {rows}"
    got = column(session, query.replace("FROM iris, range(1000)", "SELECT iris.* FROM iris, range(1000)"))
    assert len(got) == rows
    allowed = np.sort(REGRESSOR.predict(IRIS))
    nearest = allowed[np.clip(np.searchsorted(allowed, np.array(got) - 1e-9), 0, len(allowed) - 1)]
    np.testing.assert_allclose(got, nearest, atol=1e-8)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_million_rows_on_several_threads(session, threads: int) -> None:
    session.sql(f"SET threads = {threads}")
    session.sql("CREATE TABLE many AS SELECT i.*, r FROM iris AS i, range(6667) AS t(r)")
    total = column(session, "SELECT sum(PREDICT('size', *)) FROM many")[0]
    assert total == pytest.approx(REGRESSOR.predict(IRIS).sum() * 6667, rel=1e-9)


# --- NULLs ---


def test_null_in_gives_null_out(session) -> None:
    query = "SELECT PREDICT('size', NULL, sepal_width, petal_length, petal_width) FROM iris"
    assert set(column(session, query)) == {None}


def test_a_model_that_takes_missing_values_gets_them(session) -> None:
    holes = IRIS.mask(np.random.default_rng(0).random(IRIS.shape) < 0.2)
    model = HistGradientBoostingRegressor(max_iter=10).fit(holes, SPECIES)
    session.register("holes", model, holes)
    session.sql("CREATE TABLE holes AS FROM holes")
    got = column(session, "SELECT PREDICT('holes', *) FROM holes")
    np.testing.assert_allclose(got, model.predict(holes), rtol=1e-9)


def test_policy_error_raises_with_the_feature(session) -> None:
    session.register("strict", REGRESSOR, IRIS, missing={"petal_width": "error"})
    with pytest.raises(errors.ScoringError, match="'petal_width' is NULL, and the model's policy"):
        column(session, "SELECT PREDICT('strict', sepal_length, 1, 2, NULL) FROM iris")
    query = "SELECT TRY_PREDICT('strict', sepal_length, 1, 2, NULL) FROM iris"
    assert set(column(session, query)) == {None}


def test_policy_default_takes_the_place(session) -> None:
    session.register("filled", REGRESSOR, IRIS, defaults={"petal_width": 1.5})
    query = "SELECT PREDICT('filled', 5, 3, 1, NULL) - PREDICT('filled', 5, 3, 1, 1.5)"
    assert column(session, query) == [0.0]


def kinds() -> tuple[pd.DataFrame, object]:
    frame = IRIS.assign(kind=["a", "b", "c"] * 50)
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    return frame, make_pipeline(encoder, LogisticRegression(max_iter=3000)).fit(frame, SPECIES)


def test_an_unknown_category_raises_with_value_and_feature(session) -> None:
    frame, model = kinds()
    session.register("kinds", model, frame)
    with pytest.raises(errors.ScoringError, match="'zz' for the feature 'kind': unknown category"):
        column(session, "SELECT PREDICT('kinds', *) FROM (SELECT *, 'zz' AS kind FROM iris)")
    query = "SELECT TRY_PREDICT('kinds', *) FROM (SELECT *, 'zz' AS kind FROM iris)"
    assert set(column(session, query)) == {None}


# --- errors: one sentence, nothing changed ---


@pytest.mark.parametrize(
    ("query", "error", "sentence"),
    [
        (
            "PREDICT('specis', *)",
            errors.ModelNotFoundError,
            "No model named 'specis'. Did you mean 'species'",
        ),
        ("PREDICT('species@champ', *)", errors.AliasNotFoundError, "'species' has no alias 'champ'"),
        ("PREDICT('species@7', *)", errors.VersionNotFoundError, "no version '7'. It has '1'"),
        ("PREDICT('species', 1, 2)", errors.ArityError, "takes 4 features .*; the call gives 2"),
        ("PREDICT(sepal_width, 1)", errors.CallSyntaxError, "string literal"),
        ("PREDICT('size', sepal_length => 1)", errors.MissingFeatureError, "needs the feature 'sepal_width'"),
        (
            "PREDICT('size', 'long', 1, 2, 3)",
            errors.FeatureTypeError,
            "is DOUBLE; the query gives the text 'long'",
        ),
        ("PREDICT('size', species_name, 1, 2, 3)", errors.FeatureTypeError, "'sepal_length'.* is DOUBLE"),
        ("PREDICT_PROBA('size', *)", errors.MethodError, "regression model and has no PREDICT_PROBA"),
    ],
)
def test_errors_are_sentences(session, query: str, error: type, sentence: str) -> None:
    text = f"SELECT {query} FROM (SELECT *, 'x' AS species_name FROM iris)"
    with pytest.raises(error, match=sentence):
        session.sql(text)
    with session.optimizer.off(), pytest.raises(error, match=sentence):
        session.sql(text)


def test_a_missing_column_names_the_nearest(session) -> None:
    query = "SELECT PREDICT('size', *) FROM (SELECT * RENAME (petal_width AS petal_widht) FROM iris)"
    with pytest.raises(errors.MissingFeatureError, match="'petal_width'.*Did you mean 'petal_widht'"):
        session.sql(query)


@pytest.mark.parametrize(
    "name",
    ["", "1st", "two words", "a-b", "a.b", 'quote"d', "'; DROP TABLE iris; --", "naïve", "🌸", "x" * 64],
)
def test_names_that_are_not_identifiers_are_refused(session, name: str) -> None:
    with pytest.raises(errors.InvalidNameError, match=re.escape(repr(name))):
        session.register(name, REGRESSOR, IRIS)
    with pytest.raises(errors.WarehouseMLError):
        session.set_alias("species", name, 1)
    assert [v.name for v in session.models()] == ["size", "species"]


def test_names_ignore_case(session) -> None:
    assert session.register("SPECIES", CLASSIFIER, IRIS).reference == "species@1"
    assert column(session, "SELECT PREDICT('Species', *) = predict('SPECIES@1', *) FROM iris LIMIT 1") == [
        True
    ]


def test_features_and_labels_may_be_called_anything(session) -> None:
    wild = ['quo"te', "it's", "a.b", "two words", "emoji 🌸", "'; DROP TABLE iris; --"]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 6)), columns=wild)
    labels = np.array(["it's", 'a "b"', "'; DROP TABLE iris; --"])[np.arange(60) % 3]
    model = LogisticRegression().fit(frame, labels)
    session.register("wild", model, frame)
    session.sql("CREATE TABLE wild AS FROM frame")
    assert column(session, "SELECT PREDICT('wild', *) FROM wild") == model.predict(frame).tolist()
    rows = session.sql("SELECT prediction, probability FROM PREDICT('wild', TABLE wild)").fetchall()
    assert [label for label, _ in rows] == model.predict(frame).tolist()
    np.testing.assert_allclose([p for _, p in rows], model.predict_proba(frame).max(axis=1), rtol=1e-9)
    assert list(column(session, "SELECT PREDICT_PROBA('wild', *) FROM wild")[0]) == sorted(set(labels))


def test_an_estimator_that_is_not_fitted(session) -> None:
    with pytest.raises(errors.NotFittedError, match="LinearRegression is not fitted"):
        session.register("new", LinearRegression(), IRIS)


def test_what_is_no_estimator(session) -> None:
    with pytest.raises(errors.ExportError, match="A str is no estimator"):
        session.register("new", "model.onnx", IRIS)
    with pytest.raises(errors.NotFittedError, match="LinearRegression is not fitted"):
        session.register("new", LinearRegression, IRIS)


def test_a_read_only_database(tmp_path: Path) -> None:
    file = tmp_path / "shop.duckdb"
    with wml.connect(file) as session:
        session.register("size", REGRESSOR, IRIS)
    with wml.connect(file, read_only=True) as session:
        with pytest.raises(errors.ReadOnlyError, match="read-only"):
            session.register("size", CLASSIFIER, IRIS)
        assert column(session, "SELECT PREDICT('size', 1, 2, 3, 4)") == pytest.approx(
            REGRESSOR.predict(pd.DataFrame([[1, 2, 3, 4]], columns=IRIS.columns))
        )


def test_corrupted_bytes_are_not_scored(tmp_path: Path) -> None:
    file = tmp_path / "shop.duckdb"
    with wml.connect(file) as session:
        session.register("size", REGRESSOR, IRIS)
    with duckdb.connect(file) as connection:
        connection.execute("UPDATE warehouse_ml.registry_version SET onnx = onnx || 'x'::BLOB")
    with wml.connect(file) as session:
        with session.optimizer.off(), pytest.raises(errors.CorruptModelError, match="size@1.*damaged"):
            column(session, "SELECT PREDICT('size', 1, 2, 3, 4)")
        with pytest.raises(errors.CorruptModelError):
            session.verify("size")


@pytest.mark.parametrize("damage", ["facts = replace(facts, '0', '1')", "plan = plan || 'x'::BLOB"])
def test_a_corrupted_plan_is_not_followed(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "shop.duckdb"
    with wml.connect(file) as session:
        session.register("trees", GradientBoostingClassifier(n_estimators=50).fit(IRIS, SPECIES), IRIS)
    with duckdb.connect(file) as connection:
        connection.execute(f"UPDATE warehouse_ml.registry_plan SET {damage}")
    with wml.connect(file) as session, pytest.raises(errors.CorruptModelError, match="trees@1.*damaged"):
        column(session, "SELECT PREDICT('trees', 1, 2, 3, 4)")


def test_a_changed_signature_is_not_scored(tmp_path: Path) -> None:
    file = tmp_path / "shop.duckdb"
    with wml.connect(file) as session:
        session.register("size", REGRESSOR, IRIS)
    with duckdb.connect(file) as connection:
        changed = """replace(signature, '"missing":"null"', '"missing":"model"')"""
        connection.execute(f"UPDATE warehouse_ml.registry_version SET signature = {changed}")
    with (
        wml.connect(file) as session,
        pytest.raises(errors.SignatureMismatchError, match="not the one in its ONNX file"),
    ):
        column(session, "SELECT PREDICT('size', 1, 2, 3, 4)")


def test_a_wrong_model_is_not_registered(session, monkeypatch) -> None:
    class Drifting(LinearRegression):
        def predict(self, X):
            return super().predict(X) + 1.0

    with pytest.raises(wml.ParityError, match="does not score as the estimator does"):
        session.register("drifting", Drifting().fit(IRIS, SPECIES), IRIS)
    assert "drifting" not in [v.name for v in session.models()]


# --- views, files, connections ---


def test_a_view_keeps_its_version_and_survives(tmp_path: Path) -> None:
    file = tmp_path / "shop.duckdb"
    with wml.connect(file) as session:
        session.sql("CREATE TABLE iris AS FROM IRIS")
        session.register("size", REGRESSOR, IRIS)
        session.sql("CREATE VIEW scored AS SELECT *, PREDICT('size', *) AS p FROM iris")
        other = LinearRegression().fit(IRIS, SPECIES * 100)
        session.register("size", other, IRIS)
    with wml.connect(file) as session:
        got = column(session, "SELECT p FROM scored")
        np.testing.assert_allclose(got, REGRESSOR.predict(IRIS), rtol=1e-9)
        newest = column(session, "SELECT PREDICT('size', *) FROM iris")
        np.testing.assert_allclose(newest, other.predict(IRIS), rtol=1e-9)


def test_the_users_connection_stays_the_users() -> None:
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.begin()
    connection.execute("CREATE TABLE pending (x INTEGER)")
    with wml.connect(connection) as session:
        session.register("size", REGRESSOR, IRIS)
        assert len(column(session, "SELECT PREDICT('size', 1, 2, 3, 4)")) == 1
    connection.rollback()
    assert connection.execute("SELECT current_setting('threads')").fetchall() == [(1,)]
    assert connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'pending'"
    ).fetchall() == [(0,)]
    again = wml.connect(connection)
    assert len(column(again, "SELECT PREDICT('size', 1, 2, 3, 4)")) == 1


def test_the_plain_function_can_be_called_by_anything(session) -> None:
    version = session.describe("size")
    got = session.connection.execute(f"SELECT {version.function}(1, 2, 3, 4)").fetchall()
    assert got == session.sql("SELECT PREDICT('size', 1, 2, 3, 4)").fetchall()


def test_cursors_score_from_several_threads(session) -> None:
    expected = column(session, "SELECT sum(PREDICT('size', *)) FROM iris")
    results: list[list] = []

    def work() -> None:
        with session.cursor() as own:
            results.append(column(own, "SELECT sum(PREDICT('size', *)) FROM iris"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [pytest.approx(expected)] * 4


def test_several_statements_see_each_other(session) -> None:
    script = """
        CREATE TABLE few AS FROM iris LIMIT 3;
        SELECT count(PREDICT('size', *)) FROM few -- a comment; with a semicolon
    """
    assert column(session, script) == [3]


def test_text_without_a_call_passes_byte_for_byte(session) -> None:
    text = "SELECT -1e308-1e308 AS \"a;b\" /* PREDICTION */ , 'predict' -- PREDICT"
    assert session.compile(text) == text


def test_results_in_every_form(session) -> None:
    result = session.sql("SELECT sepal_width, PREDICT('species', *) AS label FROM iris")
    assert result.df()["label"].tolist() == CLASSIFIER.predict(IRIS).tolist()
    assert result.pl()["label"].to_list() == CLASSIFIER.predict(IRIS).tolist()
    assert result.arrow().column("label").to_pylist() == CLASSIFIER.predict(IRIS).tolist()
    batches = result.arrow_batches(50)
    assert sum(batch.num_rows for batch in batches) == 150
    assert "label" in repr(result)


# --- versions and the like ---


def test_the_same_content_is_the_same_version(session) -> None:
    assert session.register("size", REGRESSOR, IRIS).version == 1
    assert session.register("size", LinearRegression().fit(IRIS, SPECIES), IRIS).version == 2


def test_export_and_import_come_round(session, tmp_path: Path) -> None:
    file = session.export("species", tmp_path / "species.onnx")
    copy = session.import_onnx("copied", file)
    original = session.describe("species")
    assert copy.signature == original.signature
    assert copy.sha256 == original.sha256
    assert column(session, "SELECT PREDICT('copied', *) FROM iris") == CLASSIFIER.predict(IRIS).tolist()


def test_an_import_is_proved_on_what_is_expected(session, tmp_path: Path) -> None:
    file = session.export("size", tmp_path / "size.onnx")
    version = session.import_onnx("copied", file, sample=IRIS, expected=REGRESSOR.predict(IRIS))
    assert version.parity["rows"] == 150
    with pytest.raises(wml.ParityError, match="does not score what is expected"):
        session.import_onnx("copied", file, sample=IRIS, expected=REGRESSOR.predict(IRIS) + 1)
    with pytest.raises(errors.SampleError, match="2 scores are expected for 150 rows"):
        session.import_onnx("copied", file, sample=IRIS, expected=[1.0, 2.0])


def test_verify_scores_the_kept_rows_again(session) -> None:
    report = session.verify("species")
    assert report.passed
    assert report.rows + report.hard_rows == 200


def test_describe_tells_all(session) -> None:
    text = str(session.describe("species"))
    for part in ("species@1: classification", "sepal_length DOUBLE", "'setosa'", "sha256", "difference"):
        assert part in text


@pytest.mark.parametrize("data", [load_diabetes, load_wine])
def test_a_query_is_a_sample(data) -> None:
    features, target = data(return_X_y=True, as_frame=True)
    model = LinearRegression().fit(features, target)
    with wml.connect() as session:
        session.sql("CREATE TABLE rows AS FROM features")
        version = session.register("m", model, "SELECT * FROM rows")
        assert version.parity["rows"] == len(features)
