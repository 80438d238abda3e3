"""Write ONNX graphs the way one writes numpy; nothing here knows of estimators.

`graph` collects nodes, `tensor` is a value in it with numpy's operators: a converter then reads like the
`predict` that it restates. `elementary`, `special` and `numpy_functions` are functions that onnxruntime has
not, or not in float64; `piecewise` searches and interpolates.
"""
