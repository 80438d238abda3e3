"""Small models as ONNX text, with their signatures."""

import onnx.parser

from warehouse_ml.signature import Feature, GraphInput, Output, Signature

DOUBLE = Output("prediction", "DOUBLE", "y", 0)


def twice(factor: float = 2.0, *, missing: str = "null") -> tuple[bytes, Signature]:
    """A regression of one feature: `a` times the factor."""
    graph = f"""
        <ir_version: 8, opset_import: ["" : 15]>
        twice (double[N,1] a) => (double[N,1] y) {{
            factor = Constant<value = double {{{factor}}}>()
            y = Mul(a, factor)
        }}"""
    signature = Signature("regression", (Feature("a", "DOUBLE", missing),), (GraphInput("a", 0),), DOUBLE)
    return _onnx(graph), signature


def plain_signature() -> Signature:
    """A signature for tests that never score."""
    return twice()[1]


def every_type() -> tuple[bytes, Signature]:
    """Takes a feature of each type and gives each back, as a STRUCT with a STRUCT in it."""
    graph = """
        <ir_version: 8, opset_import: ["" : 15]>
        echo (double[N,1] d, int64[N,1] i, double[N,1] b, string[N,1] s, double[N,1] t)
            => (double[N,1] d2, int64[N,1] i2, double[N,1] b2, string[N,1] s2, double[N,1] t2) {
            d2 = Identity(d)
            i2 = Identity(i)
            b2 = Identity(b)
            s2 = Identity(s)
            t2 = Identity(t)
        }"""
    features = (
        Feature("d", "DOUBLE", "null"),
        Feature("i", "BIGINT", "default", default=-1),
        Feature("b", "BOOLEAN", "default", default=True),
        Feature("s", "VARCHAR", "default", default="none"),
        Feature("t", "TIMESTAMP", "null", unit="us"),
    )
    inner = Output(
        'in "ner',
        "STRUCT",
        fields=(Output("b", "BOOLEAN", "b2", 0), Output("naïve s", "VARCHAR", "s2", 0)),
    )
    fields = (
        Output("d", "DOUBLE", "d2", 0),
        Output("i", "BIGINT", "i2", 0),
        inner,
        Output("t", "DOUBLE", "t2", 0),
    )
    inputs = tuple(GraphInput(feature.name, position) for position, feature in enumerate(features))
    return _onnx(graph), Signature(
        "transformation", features, inputs, Output("prediction", "STRUCT", fields=fields)
    )


def _onnx(graph: str) -> bytes:
    return onnx.parser.parse_model(graph).SerializeToString()
