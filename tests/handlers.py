"""The handlers as the engine loads them: tests and engine share one module of each, and its error classes."""

from warehouse_ml.engines.handler_files import load_handler

onnx_udf = load_handler("onnx_udf")
text_analysis = load_handler("text_analysis")

NULL_TEXT = onnx_udf.NULL_TEXT
Scorer = onnx_udf.Scorer
ScoringError = onnx_udf.ScoringError
murmur3 = text_analysis.murmur3
ticks = onnx_udf.ticks
