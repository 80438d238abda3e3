"""Rows with everything that trees are sensitive to: NaN, zeros, ties, categories, epochs, extremes."""

import numpy as np
import pandas as pd

COUNT = 400


def mixed() -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers with NaN and zeros, an epoch, text and integer categories with missing ones; a target."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "plain": random.normal(size=COUNT),
            "rounded": random.normal(size=COUNT).round(1),
            "epoch": 1.7e9 + random.integers(0, 10**6, COUNT),
            "word": pd.Categorical(random.choice(["u", "v", "x", "y", "z"], COUNT)),
            "code": pd.Categorical(random.choice([10, 20, 30], COUNT)),
        }
    )
    frame.loc[::9, "plain"] = np.nan
    frame.loc[::7, "rounded"] = 0.0
    frame.loc[::11, "word"] = None
    frame.loc[::13, "code"] = None
    target = (
        2.0 * frame.word.isin(["x", "z"])
        + frame.plain.fillna(3)
        + 2.0 * frame.code.isin([20])
        + 3.0 * (frame.rounded == 0)
        + (frame.epoch % 1000) / 500
        + random.normal(size=COUNT) / 10
    )
    return frame, target.to_numpy(float)


def numbers() -> tuple[pd.DataFrame, np.ndarray]:
    """The numeric columns of `mixed`."""
    frame, target = mixed()
    return frame[["plain", "rounded", "epoch"]], target


def harder(frame: pd.DataFrame, *, unseen: bool = False, infinite: bool = False) -> pd.DataFrame:
    """The same rows with more NaN, denormals and extremes, and categories that training did not have."""
    random = np.random.default_rng(1)
    rows = frame.copy()
    rows.loc[::5, "rounded"] = 1e-36
    rows.loc[1::5, "rounded"] = -2e-35
    rows.loc[2::5, "rounded"] = np.nan
    rows.loc[3::25, "plain"] = np.inf if infinite else 1e30
    rows.loc[4::25, "plain"] = -np.inf if infinite else -1e30
    rows["epoch"] += random.integers(-2, 3, len(rows))
    if unseen and "word" in rows:
        new = random.random(len(rows)) < 0.2
        rows["word"] = pd.Categorical(rows.word.astype(object).where(~new, "new"))
        rows["code"] = pd.Categorical(random.choice([10, 20, 40], len(rows)))
    return rows
