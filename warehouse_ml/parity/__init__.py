"""The parity gate: the score in SQL is the score in Python, or the model is not registered.

policies (what NULLs and extremes do) -> hard_rows (rows that production has) -> oracle (what the estimator
says) -> comparison (what differs) -> report. `prove` is the gate; `proof` keeps rows to verify with later.
"""
