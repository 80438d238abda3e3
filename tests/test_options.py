import math

import numpy as np
import onnx
import pytest

from warehouse_ml import errors
from warehouse_ml.options import TOLERANCE, model_bytes, plain_defaults, proof_rows_of, tolerance_of
from warehouse_ml.signature import Feature

FEATURES = (Feature("d", "DOUBLE"), Feature("i", "BIGINT"), Feature("f", "BOOLEAN"), Feature("s", "VARCHAR"))


@pytest.mark.parametrize("tolerance", [math.nan, math.inf, -1e-9, True, "1e-5", [1]])
def test_what_is_no_tolerance_is_refused(tolerance) -> None:
    with pytest.raises(errors.SampleError, match="A tolerance is a number from 0 on"):
        tolerance_of(tolerance)


@pytest.mark.parametrize(("given", "used"), [(None, TOLERANCE), (0, 0.0), (np.float32(0.5), 0.5)])
def test_a_tolerance_is_a_float(given, used: float) -> None:
    assert tolerance_of(given) == used
    assert type(tolerance_of(given)) is float


@pytest.mark.parametrize("rows", [-1, 1.5, True, "2"])
def test_what_is_no_number_of_rows_is_refused(rows) -> None:
    with pytest.raises(errors.SampleError, match="proof_rows is a number of rows"):
        proof_rows_of(rows)
    assert proof_rows_of(np.int64(3)) == 3


def test_defaults_are_pythons_own() -> None:
    given = {"d": np.int64(3), "i": np.int32(4), "f": np.bool_(True), "s": np.str_("x")}
    plain = plain_defaults(FEATURES, given)
    assert plain == {"d": 3, "i": 4, "f": True, "s": "x"}
    assert {type(value) for value in plain.values()} == {int, bool, str}


@pytest.mark.parametrize(
    ("feature", "default"),
    [("d", "x"), ("d", True), ("d", math.nan), ("i", 1.5), ("f", 1), ("s", 1), ("d", [1.0])],
)
def test_a_default_of_another_type_is_refused(feature: str, default) -> None:
    with pytest.raises(errors.SampleError, match=f"of the feature '{feature}' is no"):
        plain_defaults(FEATURES, {feature: default})


def test_a_model_may_come_as_bytes_or_as_a_proto() -> None:
    proto = onnx.ModelProto(ir_version=8)
    assert (
        model_bytes(proto) == proto.SerializeToString() == model_bytes(bytearray(proto.SerializeToString()))
    )
    assert model_bytes("m.onnx") == "m.onnx"
    with pytest.raises(errors.ImportModelError, match="not as 'int'"):
        model_bytes(3)
