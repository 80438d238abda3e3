"""Write ONNX graphs the way one writes numpy; nothing here knows of estimators.

`graph` collects nodes, `tensor` is a value with numpy's operators. `elementary`, `special` and
`numpy_functions` are functions that onnxruntime has not, or not in float64; `piecewise` searches and
interpolates.
"""
