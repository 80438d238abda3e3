"""XGBoost's and LightGBM's own boosters (`xgboost.train`, `lightgbm.train`) as estimators."""

from __future__ import annotations

from typing import Any


def as_estimator(model: Any) -> Any:
    """The model itself, or an estimator around it where it is a booster.

    Such an estimator's `predict` is the booster's: for `binary:logistic` the probability, for
    `multi:softprob` one number for each class.
    """
    kind = (type(model).__module__.partition(".")[0], type(model).__name__)
    if kind == ("xgboost", "Booster"):
        return XGBoostBooster(model)
    if kind == ("lightgbm", "Booster"):
        return LightGBMBooster(model)
    return model


class XGBoostBooster:
    """A booster of XGBoost; missing values are NaN, and all its trees are used."""

    missing = None

    def __init__(self, booster: Any) -> None:
        """Wrap a booster."""
        self.booster = booster
        self.n_features_in_ = int(booster.num_features())
        if booster.feature_names is not None:
            self.feature_names_in_ = list(booster.feature_names)

    def get_booster(self) -> Any:
        """The booster without its best iteration, which its own `predict` does not heed."""
        whole = self.booster.copy()
        whole.set_attr(best_iteration=None, best_score=None)
        return whole

    def predict(self, rows: Any) -> Any:
        """What the booster's `predict` returns."""
        from xgboost import DMatrix

        return self.booster.predict(DMatrix(rows, enable_categorical=True))

    def __repr__(self) -> str:
        return f"xgboost.Booster({self.booster.num_boosted_rounds()} rounds)"


class LightGBMBooster:
    """A booster of LightGBM, up to its best iteration if it has one."""

    def __init__(self, booster: Any) -> None:
        """Wrap a booster."""
        self.booster = self.booster_ = booster
        self.objective_ = booster.params.get("objective")
        self.n_features_in_ = int(booster.num_feature())
        names = list(booster.feature_name())
        if names != [f"Column_{index}" for index in range(len(names))]:
            self.feature_names_in_ = names

    def predict(self, rows: Any) -> Any:
        """What the booster's `predict` returns."""
        return self.booster.predict(rows)

    def __repr__(self) -> str:
        return f"lightgbm.Booster({self.booster.num_trees()} trees)"
