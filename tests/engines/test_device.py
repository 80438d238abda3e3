import json

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

import warehouse_ml as wml
from tests.toy_models import every_type, twice
from warehouse_ml.engines import device, handler_files, open_engine
from warehouse_ml.engines.device import device_scorer, first_difference
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.errors import DeviceError

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ONNX, SIGNATURE = twice()


@pytest.fixture
def standing_in(monkeypatch):
    monkeypatch.setattr(device, "providers", lambda: [CPU])


def stored(**parts: bytes):
    return lambda part: {"onnx": ONNX, "plan": b"", "proof": b"", **parts}[part]


def test_a_device_that_is_not_there_is_refused_before_anything_is_opened(tmp_path):
    with pytest.raises(DeviceError, match="has no CUDAExecutionProvider, only .*onnxruntime-gpu"):
        open_engine(tmp_path / "a.duckdb", device="cuda")
    assert not (tmp_path / "a.duckdb").exists()


def test_a_device_of_another_name_is_refused():
    with pytest.raises(DeviceError, match="device is 'tpu'; it must be 'cpu' or 'cuda'"):
        open_engine(device="tpu")


def test_a_session_on_a_device_that_is_not_there_is_refused():
    with pytest.raises(DeviceError, match="device is 'cuda', but onnxruntime .* has no CUDA"):
        wml.connect(device="cuda")


def test_cursors_score_where_their_engine_does(standing_in):
    engine = open_engine(device="cuda")
    assert (engine.device, engine.cursor().device, open_engine().device) == ("cuda", "cuda", "cpu")
    engine.close()


def test_a_graph_is_scored_on_the_device(standing_in):
    (values, missing) = device_scorer(stored(), SIGNATURE).score([(np.array([1.0, 2.0]), None)])[0]
    assert values.tolist() == [2.0, 4.0]
    assert missing is None


def test_the_tensors_of_a_plan_are_preferred_to_its_kernel(standing_in):
    estimator = RandomForestRegressor(5, random_state=0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 5.0])
    with wml.connect() as session:
        version = session.register("m", estimator, np.array([[0.0], [1.0], [2.0]]))
        parts = {part: session._registry.load(version, part) for part in ("onnx", "plan", "proof")}
    scorer = device_scorer(lambda part: parts[part], version.signature)
    assert "warehouse_ml.tensor_trees" in scorer.metadata
    whole = LazyScorer(version.signature)
    whole.offer(estimator, lambda _, part: parts[part])
    column = [(np.array([0.1, 1.4, np.nan]), None)]
    found, expected = scorer.score(column), whole.get().score(column)
    np.testing.assert_array_equal(found[0][0], expected[0][0])


def test_a_provider_that_does_not_start_is_refused(monkeypatch):
    """A session falls back in silence where the libraries of CUDA do not fit."""
    monkeypatch.setattr(device, "providers", lambda: [(CUDA, {"use_tf32": "0"}), CPU])
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(DeviceError, match="CUDAExecutionProvider could not be started, only CPU"),
    ):
        device_scorer(stored(), SIGNATURE)


def test_work_that_falls_to_the_cpu_is_refused(standing_in, monkeypatch):
    placement = handler_files.load_handler("service_placement")
    monkeypatch.setattr(placement, "placement_of", lambda session: {("Other", "Mul"): 2, (CPU, "Add"): 1})
    with pytest.raises(DeviceError, match="none for a GPU: 2 of 3 nodes .* 2 Mul"):
        device_scorer(stored(), SIGNATURE)


def test_other_scores_than_the_registered_ones_are_refused(standing_in, monkeypatch):
    other, facts = twice(2.00001)[0], json.loads(SIGNATURE.to_json())
    opened = handler_files.load_handler("onnx_udf").Scorer(other, facts, 1, [CPU])
    monkeypatch.setattr(device, "_opened", lambda *_: opened)
    with pytest.raises(DeviceError, match="not score on the GPU as it was registered: TRY_PREDICT differs"):
        device_scorer(stored(), SIGNATURE)


def test_rows_are_made_up_for_every_type_where_none_were_kept(standing_in):
    echo, signature = every_type()
    assert device_scorer(stored(onnx=echo), signature) is not None


NAN = float("nan")


@pytest.mark.parametrize(
    ("found", "expected", "row"),
    [
        (([1.0, 2.0], None), ([1.0, 2.0 + 1e-9], None), None),
        (([1.0, 2.0], None), ([1.0, 2.0 + 1e-4], None), 1),
        (([np.inf, 2.0], None), ([np.inf, 2.0], None), None),
        (([np.inf, 2.0], None), ([-np.inf, 2.0], None), 0),
        (([NAN, 2.0], [True, False]), ([5.0, 2.0], [True, False]), None),
        (([1.0, 2.0], [False, True]), ([1.0, 2.0], None), 1),
        (([NAN, 2.0], None), ([1.0, 2.0], None), 0),
        ((["a", "b"], None), (["a", "c"], None), 1),
        (([1, 2], None), ([1, 2], None), None),
    ],
)
def test_a_difference_is_found(found, expected, row):
    def column(values, missing):
        kind = object if isinstance(values[0], str) else None
        return np.array(values, dtype=kind), None if missing is None else np.array(missing)

    assert first_difference(column(*found), column(*expected)) == row
