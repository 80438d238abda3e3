"""Small models as the service finds them on disk, and the service around them, without a network."""

import hashlib
import json
from contextlib import asynccontextmanager

import httpx
import onnx.parser

from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.signature import Feature, GraphInput, Output, Refusal, Signature

onnx_service = load_handler("onnx_service")
service_settings = load_handler("service_settings")

SUM = """
<ir_version: 8, opset_import: ["" : 15]>
g (double[n, 1] a, double[n, 1] b) => (double[n] prediction, double[n, 2] probabilities) {
  s = Constant<value_ints=[-1]>()
  both = Add(a, b)
  prediction = Reshape(both, s)
  probabilities = Concat<axis = 1>(a, b)
}
"""
"""The sum of two numbers; its probabilities are the numbers themselves."""

ECHO = """
<ir_version: 8, opset_import: ["" : 15]>
g ({kind}[n, 1] x) => ({kind}[n] prediction) {{ s = Constant<value_ints=[-1]>() prediction = Reshape(x, s) }}
"""

REFUSING = """
<ir_version: 8, opset_import: ["" : 15]>
g (double[n, 1] x) => (double[n] prediction, bool[n, 1] refused) {
  s = Constant<value_ints=[-1]>()
  zero = Constant<value = double[1] {0.0}>()
  refused = Less(x, zero)
  prediction = Reshape(x, s)
}
"""

GRAPH_TYPES = {"BIGINT": "int64", "VARCHAR": "string"}


def probabilities(*classes: str) -> Output:
    fields = (Output(name, "DOUBLE", "probabilities", place) for place, name in enumerate(classes))
    return Output("probabilities", "STRUCT", fields=tuple(fields))


def sum_signature(classes: tuple[str, ...] = ("no", "yes"), missing: str = "null") -> Signature:
    return Signature(
        "classification",
        (Feature("a", "DOUBLE", missing), Feature("b", "DOUBLE", missing)),
        (GraphInput("a", 0), GraphInput("b", 1)),
        Output("prediction", "DOUBLE", "prediction"),
        probabilities("no", "yes"),
        classes,
    )


def echo_signature(kind: str, **feature) -> Signature:
    result = kind if kind in GRAPH_TYPES else "DOUBLE"
    return Signature(
        "regression",
        (Feature("x", kind, **feature),),
        (GraphInput("x", 0),),
        Output("prediction", result, "prediction"),
    )


def deploy(folder, reference: str, graph: str, signature: Signature, **facts):
    """Write a version's files; the folder that holds them."""
    model = onnx.parser.parse_model(graph).SerializeToString()
    place = folder / reference
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(model)
    written = {
        "sha256": hashlib.sha256(model).hexdigest(),
        "signature": json.loads(signature.to_json()),
        "packed": False,
        **facts,
    }
    (place / "deployment.json").write_text(json.dumps(written))
    return place


def deploy_sum(folder, reference: str = "churn/3", *, packed: bool = False, tensors: str = "", **changes):
    facts = {"packed": packed} | ({"tensors": tensors} if tensors else {})
    return deploy(folder, reference, SUM, sum_signature(**changes), **facts)


def deploy_echo(folder, kind: str, reference: str = "echo/1", **feature):
    graph = ECHO.format(kind=GRAPH_TYPES.get(kind, "double"))
    return deploy(folder, reference, graph, echo_signature(kind, **feature))


def deploy_refusing(folder, reference: str = "strict/1"):
    signature = Signature(
        "regression",
        (Feature("x", "DOUBLE"),),
        (GraphInput("x", 0),),
        Output("prediction", "DOUBLE", "prediction"),
        refusals=(Refusal(0, "negative"),),
    )
    return deploy(folder, reference, REFUSING, signature)


@asynccontextmanager
async def serving(folder, **settings):
    """A client of the service, all models of a folder loaded."""
    app = onnx_service.create_app(service_settings.Settings(models=str(folder), **settings))
    async with app.router.lifespan_context(app):
        await app.state.loading
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


def rows(*arguments) -> dict:
    """A request's document: the arguments of each row."""
    return {"data": [[place, *row] for place, row in enumerate(arguments)]}
