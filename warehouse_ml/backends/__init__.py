"""The ways a version can be scored, each proved by the parity gate before it may be chosen.

`program.py` is the model as expressions over one row, read out of the ONNX graph; from it come the SQL
expression (`inline.py`) and the trees of the kernel (`trees.py`). `plan.py` is what registration stores.
"""
