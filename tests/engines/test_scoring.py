import inspect

import pytest

from tests.toy_models import twice
from warehouse_ml import errors
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.engines.scoring import carried_error, scoring_function
from warehouse_ml.errors import MethodError, RegistryError

ONNX, SIGNATURE = twice()
STORED = {"onnx": ONNX, "plan": b""}


class Connection:
    """Stands for a connection: something that can be held weakly."""


def test_the_model_is_read_once_and_late():
    read = []
    scorer, connection = LazyScorer(SIGNATURE), Connection()
    scorer.offer(connection, lambda _, part: read.append(part) or STORED[part])
    assert read == []
    assert scorer.get() is scorer.get()
    assert read == ["plan", "onnx"]


def test_a_closed_connection_is_passed_over():
    scorer, connections = LazyScorer(SIGNATURE), [Connection(), Connection()]
    scorer.offer(connections[0], lambda _, part: STORED[part])
    scorer.offer(connections[1], lambda _, part: None)
    assert scorer.get() is not None


@pytest.mark.parametrize("end", ["close", "forget"])
def test_the_model_goes_with_the_last_connection(end):
    scorer, connection = LazyScorer(SIGNATURE), Connection()
    scorer.offer(connection, lambda _, part: STORED[part])
    scorer.get()
    if end == "close":
        scorer.withdraw(connection)
    del connection
    with pytest.raises(RegistryError, match="session that offered this model is closed"):
        scorer.get()


def test_a_function_has_a_parameter_for_each_feature():
    assert (
        len(inspect.signature(scoring_function(LazyScorer(SIGNATURE), SIGNATURE, "predict")).parameters) == 1
    )


def test_a_regression_has_no_probabilities():
    with pytest.raises(MethodError):
        scoring_function(LazyScorer(SIGNATURE), SIGNATURE, "predict_proba")


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("Invalid Input Error: … the UDF: ScoringError: no\nsuch", errors.ScoringError, "no\nsuch"),
        ("ValueError: RegistryError: closed", errors.RegistryError, "closed"),
        ("Invalid Input Error: … the UDF: ValueError: x", type(None), None),
        ("the UDF: Error: x", type(None), None),
    ],
)
def test_errors_are_found_in_a_message(text, kind, sentence):
    error = carried_error(text)
    assert type(error) is kind
    assert error is None or str(error) == sentence
