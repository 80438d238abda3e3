"""What a user does who did not read the manual: each is right, or one sentence, and nothing has changed."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

import warehouse_ml as wml
from warehouse_ml import errors

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)
FLOWERS.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
SIZE = LinearRegression().fit(FLOWERS, SPECIES)
ROW = FLOWERS.iloc[:1]
VALUES = ROW.iloc[0].tolist()


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    with wml.connect() as opened:
        opened.connection.from_df(FLOWERS.assign(species=SPECIES)).create("flowers")
        opened.register("size", SIZE, FLOWERS)
        yield opened


def names(session: wml.Session) -> list[str]:
    return [version.reference for version in session.models()]


# --- parameters ---


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, str])
def test_numbers_of_numpy_are_parameters_and_texts_are_not(session, kind: type) -> None:
    values = [kind(value) for value in VALUES]
    if kind is str:
        with pytest.raises(
            errors.FeatureTypeError, match="'sepal_length' .* is DOUBLE; the query gives the text"
        ):
            session.sql("SELECT PREDICT('size', ?, ?, ?, ?)", values)
    else:
        got = session.sql("SELECT PREDICT('size', $a, $b, $c, $d)", dict(zip("abcd", values, strict=True)))
        assert got.fetchall()[0][0] == pytest.approx(SIZE.predict(ROW)[0], abs=1e-6)


# --- the engine's own errors ---


@pytest.mark.parametrize("after", ["OVER ()", "FILTER (WHERE true)", "size"])
def test_an_error_is_about_the_user_s_own_text(session, after: str) -> None:
    with pytest.raises(duckdb.Error) as caught:
        session.sql(f"SELECT PREDICT('size', *) {after} more FROM flowers")
    assert not re.search(r"\d\.\d", str(caught.value))


def test_rows_that_another_condition_leaves_out_are_not_refused() -> None:
    model = LogisticRegression(max_iter=1000).fit(FLOWERS, SPECIES == 0)
    with wml.connect() as session:
        session.register("first", model, FLOWERS)
        blooms = FLOWERS.assign(petal_width=FLOWERS.petal_width.where(SPECIES < 2, math.inf))
        session.connection.from_df(blooms).create("blooms")
        query = "SELECT count(*) FROM blooms WHERE abs(petal_width) < 9 AND PREDICT_PROBA('first', *) > 0.3"
        kept = (model.predict_proba(FLOWERS)[SPECIES < 2][:, 1] > 0.3).sum()
        assert session.sql(query).fetchall() == [(kept,)]


# --- models of other databases ---


def with_view(file: Path, estimator: LinearRegression) -> None:
    with wml.connect(file) as session:
        session.register("size", estimator, FLOWERS)
        session.sql("CREATE VIEW scored AS SELECT PREDICT('size', 1, 2, 3, 4) AS p")


def test_a_view_of_an_attached_database_calls_its_models(tmp_path: Path) -> None:
    doubled = LinearRegression().fit(FLOWERS, SPECIES * 2)
    with_view(tmp_path / "one.duckdb", SIZE)
    with_view(tmp_path / "two.duckdb", doubled)
    for own in (tmp_path / "one.duckdb", None):  # with a model of the same name, and without any
        with wml.connect(own) as session:
            session.sql(f"ATTACH '{tmp_path / 'two.duckdb'}' AS other (READ_ONLY)")
            row = pd.DataFrame([[1, 2, 3, 4]], columns=FLOWERS.columns)
            assert session.sql("FROM other.scored").fetchall()[0][0] == pytest.approx(doubled.predict(row)[0])
            assert session.sql("BEGIN; FROM other.scored").fetchall()[0][0] == pytest.approx(
                doubled.predict(row)[0]
            )
            session.sql("ROLLBACK")


@pytest.mark.parametrize(
    "text", ["FROM scored", "SELECT count(*) FROM scored", "CREATE TABLE t AS FROM scored"]
)
def test_a_view_of_a_dropped_version_says_so(tmp_path: Path, text: str) -> None:
    with_view(tmp_path / "shop.duckdb", SIZE)
    with wml.connect(tmp_path / "shop.duckdb") as session:
        session.drop_model("size")
    with wml.connect(tmp_path / "shop.duckdb") as session:
        with pytest.raises(errors.VersionGoneError, match="'size@1', which no open database holds") as caught:
            session.sql(text).fetchall()
        assert caught.value.reference == "size@1"
        assert "\n" not in str(caught.value)


# --- versions by number ---


@pytest.mark.parametrize("version", ["1", 1.0, True, None])
def test_a_version_is_given_by_its_number(session, version) -> None:
    with pytest.raises(errors.RegistryError, match="A version is given by its number"):
        session.set_alias("size", "champion", version)
    assert session.aliases("size") == {}


def test_a_version_in_place_of_its_number_is_named_shortly(session) -> None:
    with pytest.raises(errors.RegistryError, match=r"not as 'size@1'\.$"):
        session.set_alias("size", "champion", session.describe("size"))


def test_a_number_of_numpy_is_a_number(session) -> None:
    session.set_alias("size", "counted", np.int64(1))
    assert session.aliases("size") == {"counted": 1}
    with pytest.raises(errors.AliasInUseError):
        session.drop_model("size", np.int64(1))
    session.drop_alias("size", "counted")


@pytest.mark.parametrize("name", [None, 3, b"size"])
def test_a_name_is_a_text(session, name) -> None:
    with pytest.raises(errors.InvalidNameError, match="it is not a text"):
        session.register(name, SIZE, FLOWERS)


# --- samples and options ---


def test_a_wrong_model_passes_under_no_tolerance(session) -> None:
    class Drifting(LinearRegression):
        def predict(self, X):
            return super().predict(X) + 1.0

    with pytest.raises(errors.SampleError, match="A tolerance is a number"):
        session.register("drifting", Drifting().fit(FLOWERS, SPECIES), FLOWERS, tolerance=math.nan)
    assert names(session) == ["size@1"]


def test_names_for_more_outputs_than_there_are(session) -> None:
    with pytest.raises(errors.SampleError, match="The model has one output; 2 names"):
        session.register("size", SIZE, FLOWERS, outputs=["low", "high"])


def test_a_result_and_a_relation_are_samples(session) -> None:
    query = "SELECT * EXCLUDE (species) FROM flowers"
    for sample in (query, session.sql(query), session.connection.sql(query)):
        assert session.register("size", SIZE, sample).reference == "size@1"


def test_two_columns_of_one_name_are_no_sample(session) -> None:
    with pytest.raises(errors.SampleError, match="two columns called 'species'"):
        session.train("twice", LinearRegression(), "SELECT species, species FROM flowers", target="species")


def test_defaults_from_a_frame(session) -> None:
    session.register("filled", SIZE, FLOWERS, defaults={"petal_width": np.int64(2)})
    query = "SELECT PREDICT('filled', 5, 3, 1, NULL) = PREDICT('filled', 5, 3, 1, 2)"
    assert session.sql(query).fetchall() == [(True,)]
    session.drop_model("filled")


@pytest.mark.parametrize("target", [None, (), []])
def test_clusters_are_trained_without_a_target(session, target) -> None:
    query = "SELECT * EXCLUDE (species) FROM flowers"
    version = session.train("groups", KMeans(3, n_init=1, random_state=0), query, target=target)
    assert version.signature.task == "clustering"
    assert session.train("groups", KMeans(3, n_init=1, random_state=0), query) == version
    session.drop_model("groups")


@pytest.mark.parametrize("estimator", [LinearRegression(), LogisticRegression(max_iter=500)])
def test_one_target_in_a_list_is_one_target(session, estimator) -> None:
    version = session.train("one", estimator, "FROM flowers", target=["species"])
    assert version.signature.prediction.type in ("DOUBLE", "BIGINT")
    assert session.train("one", estimator, "FROM flowers", target="species") == version
    session.drop_model("one")


def test_expected_scores_may_be_a_query_or_named_by_class(session, tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=500).fit(FLOWERS, SPECIES)
    session.register("kind", model, FLOWERS)
    file = session.export("kind", tmp_path / "kind.onnx")
    probabilities = pd.DataFrame(model.predict_proba(FLOWERS), columns=model.classes_)[[2, 0, 1]]
    for expected in ("SELECT PREDICT('kind', *) FROM flowers", probabilities):
        assert session.import_onnx("copy", file, sample=FLOWERS, expected=expected).parity["rows"] == 150
        session.drop_model("copy")
    session.drop_model("kind")


# --- what is printed, and what is closed ---


def test_a_version_is_shown_on_one_line(session) -> None:
    assert repr(session.describe("size")) == "ModelVersion('size@1', regression of 4 features)"


@pytest.mark.parametrize("rows", [0, -1])
def test_batches_hold_rows(session, rows: int) -> None:
    with pytest.raises(errors.SqlError, match=f"1 or more, not {rows}"):
        session.sql("FROM flowers").arrow_batches(rows)
    with pytest.raises(errors.SqlError, match="0 or more, not -1"):
        session.sql("FROM flowers").fetchmany(-1)


def test_a_closed_session_can_be_shown() -> None:
    connection = duckdb.connect()
    session = wml.connect(connection)
    connection.close()
    assert repr(session) == "Session(DuckDB, closed)"
