import pytest
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_iris, load_wine

from tests.agreement import assert_agrees

IRIS, _ = load_iris(return_X_y=True, as_frame=True)
WINE, _ = load_wine(return_X_y=True, as_frame=True)


@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("centered", [False, True])
def test_elliptic_envelope_agrees(share: float, centered: bool) -> None:
    model = EllipticEnvelope(contamination=share, assume_centered=centered, random_state=0)
    shift = WINE.mean() if centered else 0.0
    assert_agrees(model.fit(WINE - shift), WINE - shift)
    assert_agrees(model.fit(IRIS), IRIS, IRIS * 1.05)
