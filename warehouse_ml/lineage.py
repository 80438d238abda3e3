"""Where a model comes from: the data's fingerprint and the versions of the libraries."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_ALWAYS = ("warehouse-ml", "numpy", "pandas", "onnx", "onnxruntime", "scikit-learn")
_BY_MODULE = {"xgboost": "xgboost", "lightgbm": "lightgbm"}


def fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 of the content of a frame, whatever the order of its rows and columns.

    Each row is hashed to 64 bits with pandas, the hashes are sorted and hashed with the columns' names:
    about half a second for a million rows of ten columns. It tells whether a query still gives the same
    data; it is no defence against somebody who forges them, and may change with the release of pandas.
    """
    from pandas.util import hash_pandas_object

    ordered = frame[sorted(frame.columns)]
    if len(ordered.columns):
        rows = np.sort(
            hash_pandas_object(ordered.map(str) if _nested(ordered) else ordered, index=False).to_numpy()
        )
    else:
        rows = np.zeros(0, np.uint64)
    digest = hashlib.sha256()
    for name in ordered.columns:
        digest.update(str(name).encode() + b"\0")
    digest.update(str(len(frame)).encode() + b"\0" + rows.tobytes())
    return digest.hexdigest()


def _nested(frame: pd.DataFrame) -> bool:
    """Whether a column holds lists or structs, which have no hash."""
    import pandas as pd

    objects = (frame[name] for name in frame.columns if frame[name].dtype == object)
    return any(pd.api.types.infer_dtype(column, skipna=True) == "mixed" for column in objects)


def libraries(estimator: Any) -> dict[str, str]:
    """The versions of Python and of every library that had a part in a model.

    Args:
        estimator: The estimator; None for a model that was made elsewhere.
    """
    found = {"python": platform.python_version()}
    names = list(_ALWAYS)
    text = {type(part).__module__.partition(".")[0] for part in _parts(estimator)}
    names += [_BY_MODULE[module] for module in sorted(text & _BY_MODULE.keys())]
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            module = sys.modules.get(name.replace("-", "_"))
            if module is not None and hasattr(module, "__version__"):
                found[name] = str(module.__version__)
    return found


def _parts(estimator: Any) -> list[Any]:
    deep = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    return [estimator, *deep.values()]
