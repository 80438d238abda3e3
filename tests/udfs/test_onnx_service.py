import asyncio
import base64
import hashlib
import json
import re
import signal

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.handlers import Scorer
from tests.udfs.service_deployments import (
    deploy_echo,
    deploy_refusing,
    deploy_sum,
    onnx_service,
    rows,
    service_settings,
    serving,
    sum_signature,
)

BATCH = {"sf-external-function-query-batch-id": "01b02bdf-0001:1:1:0:0"}


def ask(folder, path: str, document, headers=None, **limits) -> httpx.Response:
    """One request to a service of its own."""

    async def once():
        async with serving(folder, max_delay_ms=0, **limits) as client:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            return await client.post(path, content=body, headers=headers)

    return asyncio.run(once())


def scores(folder, path: str, *arguments, **limits) -> list:
    response = ask(folder, path, rows(*arguments), **limits)
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert [number for number, _ in data] == list(range(len(arguments)))
    return [value for _, value in data]


def refusal(folder, path: str, document, status: int = 400, headers=None, **limits) -> str:
    response = ask(folder, path, document, headers, **limits)
    assert response.status_code == status
    return response.json()["error"]


async def figures(client: httpx.AsyncClient) -> dict:
    """Each sample of the metrics by its name and labels."""
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def labels(method: str = "predict", **more: str) -> list:
    return sorted({"model": "churn", "version": "3", "method": method, **more}.items())


def test_a_batch_is_answered_in_its_order(tmp_path):
    deploy_sum(tmp_path)
    assert scores(tmp_path, "/churn/3/predict", [1.5, 2], [3, 4], [-1, 0.25]) == [3.5, 7.0, -0.75]


def test_two_classes_give_one_probability(tmp_path):
    deploy_sum(tmp_path)
    assert scores(tmp_path, "/churn/3/predict_proba", [0.25, 0.75]) == [0.75]


def test_a_struct_is_an_object_and_null_without_parts(tmp_path):
    deploy_sum(tmp_path, classes=("a", "b", "c"))
    found = scores(tmp_path, "/churn/3/predict_proba", [0.25, 0.75], [None, 1])
    assert found == [{"no": 0.25, "yes": 0.75}, None]


def test_null_follows_the_policy(tmp_path):
    deploy_sum(tmp_path, missing="null")
    assert scores(tmp_path, "/churn/3/predict", [None, 1], [1, 1]) == [None, 2.0]


def test_a_null_that_is_an_error_is_refused(tmp_path):
    deploy_sum(tmp_path, missing="error")
    assert "'a' is NULL" in refusal(tmp_path, "/churn/3/predict", rows([None, 1]))
    assert scores(tmp_path, "/churn/3/try_predict", [None, 1]) == [None]


def test_no_rows_are_no_rows(tmp_path):
    deploy_sum(tmp_path)
    assert scores(tmp_path, "/churn/3/predict") == []


@pytest.mark.parametrize("value", [2**53 + 1, str(2**63 - 1), str(-(2**63)), 7.0, None])
def test_bigints_keep_every_digit(tmp_path, value):
    deploy_echo(tmp_path, "BIGINT")
    assert scores(tmp_path, "/echo/1/predict", [value]) == [None if value is None else int(value)]


def test_times_count_as_the_estimator_counted(tmp_path):
    deploy_echo(tmp_path, "TIMESTAMP", unit="us")
    texts = ["2014-01-01 16:00:00", "1969-12-31T23:59:59.999999", "2014-01-01", None]
    expected = [float(np.datetime64(text, "us").astype(int)) for text in texts[:3]]
    assert scores(tmp_path, "/echo/1/predict", *[[text] for text in texts]) == [*expected, None]


def test_booleans_and_texts(tmp_path):
    deploy_echo(tmp_path, "BOOLEAN", "flag/1")
    deploy_echo(tmp_path, "VARCHAR", "text/1")
    assert scores(tmp_path, "/flag/1/predict", [True], [False], [None]) == [1.0, 0.0, None]
    assert scores(tmp_path, "/text/1/predict", ["Zürich"], [""], [None]) == ["Zürich", "", None]


def test_infinity_is_text_both_ways(tmp_path):
    deploy_echo(tmp_path, "DOUBLE")
    assert scores(tmp_path, "/echo/1/predict", ["inf"], ["-Infinity"], ["NaN"]) == ["inf", "-inf", None]


def test_packed_features_come_by_name(tmp_path):
    deploy_sum(tmp_path, packed=True)
    found = scores(tmp_path, "/churn/3/predict", [{"b": 1, "a": "2.5", "c": 3}], [{"a": 1, "b": None}])
    assert found == [3.5, None]
    message = refusal(tmp_path, "/churn/3/predict", rows([[1, 2]]))
    assert message == "Row 0 holds no object; the function takes its features in one OBJECT."


@pytest.mark.parametrize("row", [{"a": 1, "B": 2}, None])
def test_a_key_that_is_missing_is_refused(tmp_path, row):
    deploy_sum(tmp_path, packed=True)
    name = "b" if row else "a"
    message = refusal(tmp_path, "/churn/3/predict", rows([{"a": 1, "b": 2}], [row]))
    assert message.startswith(f"Row 1: the OBJECT has no key {name!r}, spelled so, a feature of the model.")
    assert scores(tmp_path, "/churn/3/try_predict", [{"a": 1, "b": 2}], [row]) == [3.0, None]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(*[st.none() | st.floats(-1e9, 1e9)] * 2), max_size=20))
def test_the_service_gives_what_the_handler_gives(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("models")
    model = (deploy_sum(folder) / "model.onnx").read_bytes()
    columns = [(np.array([row[place] for row in table], dtype=float), None) for place in (0, 1)]
    values, missing = Scorer(model, json.loads(sum_signature().to_json())).score(columns)[0]
    gone = [False] * len(table) if missing is None else missing
    expected = [None if null else value for value, null in zip(values.tolist(), gone, strict=True)]
    assert scores(folder, "/churn/3/predict", *table) == expected


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        ({"rows": []}, "no object"),
        (rows([1]), "Row 0 has 1 arguments; the function takes 2"),
        (rows([1, 2, 3]), "Row 0 has 3 arguments; the function takes 2"),
        ({"data": [7]}, "Row 0 has no list of arguments"),
        ({"data": [[1, 1, 2]]}, "Row 0 has another number"),
        ({"data": [[0, 1, 2], [0, 1, 2]]}, "Row 1 has another number"),
        ({"data": [[False, 1, 2]]}, "Row 0 has another number"),
        (rows([1, 2], ["1.5", 2]), "Row 1: the feature 'a' is a text, and a number is wanted"),
        (rows([True, 2]), "'a' is a boolean, and a number"),
        (rows([1, [2]]), "'b' is an array"),
        (rows([10**400, 2]), "no FLOAT"),
    ],
)
def test_a_bad_batch_is_refused(tmp_path, document, message):
    deploy_sum(tmp_path)
    assert message in refusal(tmp_path, "/churn/3/predict", document)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("BIGINT", 1.5, "no whole number"),
        ("BIGINT", "1.0", "no whole number"),
        ("BIGINT", 2**63, "beyond 64 bits"),
        ("BIGINT", True, "a boolean, and a whole number"),
        ("BOOLEAN", 1, "a number, and a boolean"),
        ("VARCHAR", 1, "a number, and a text"),
        ("TIMESTAMP", 1388592000, "a number, and a time"),
        ("TIMESTAMP", "now", "no time"),
        ("TIMESTAMP", "2014-02-30 00:00:00", "in no calendar"),
        ("VARCHAR", "\ud800", "no Unicode"),
        ("TIMESTAMP", "2014-01-01 00:00:00 +0200", "no time"),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path, kind, value, message):
    deploy_echo(tmp_path, kind, unit="us")
    assert message in refusal(tmp_path, "/echo/1/predict", rows([value]))


def test_try_gives_null_where_a_value_cannot_be_one(tmp_path):
    deploy_echo(tmp_path, "TIMESTAMP", unit="us")
    found = scores(tmp_path, "/echo/1/try_predict", ["2014-02-30"], ["1970-01-01"], ["soon"])
    assert found == [None, 0.0, None]


def test_a_refused_row_says_what_the_handler_says(tmp_path):
    deploy_refusing(tmp_path)
    assert refusal(tmp_path, "/strict/1/predict", rows([1], [-2])) == (
        "The model refuses -2.0 for the feature 'x': negative."
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/chum/3/predict", "No model chum/3 is served here."),
        ("/churn/4/predict", "No model churn/4 is served here."),
        ("/churn/3/0123456789abcdef/predict", "No model churn/3/0123456789abcdef is served here."),
        ("/churn/3/transform", "churn/3 has no method 'transform'."),
        ("/predict", "Not Found"),
    ],
)
def test_what_is_not_served_is_not_found(tmp_path, path, message):
    deploy_sum(tmp_path)
    assert refusal(tmp_path, path, rows(), 404) == message


def test_a_path_may_name_the_digest(tmp_path):
    model = deploy_sum(tmp_path).joinpath("model.onnx").read_bytes()
    digest = hashlib.sha256(model).hexdigest()[:16]
    assert scores(tmp_path, f"/churn/3/{digest}/predict", [1, 2]) == [3.0]


def test_too_much_is_too_large(tmp_path):
    deploy_sum(tmp_path)
    ten = rows(*[[1, 2]] * 10)
    assert "40 bytes" in refusal(tmp_path, "/churn/3/predict", ten, 413, max_body_bytes=40)
    assert "9 rows" in refusal(tmp_path, "/churn/3/predict", ten, 413, max_queue_rows=9)
    assert "too many" in refusal(tmp_path, "/churn/3/predict", ten, 429, max_buffer_bytes=40)


def test_the_md5_of_a_body_is_checked(tmp_path):
    deploy_sum(tmp_path)
    body = json.dumps(rows([1, 2])).encode()
    right = base64.b64encode(hashlib.md5(body).digest()).decode()
    assert ask(tmp_path, "/churn/3/predict", body, {"Content-MD5": right}).status_code == 200
    for wrong in (base64.b64encode(hashlib.md5(b"").digest()).decode(), hashlib.md5(body).hexdigest()):
        message = refusal(tmp_path, "/churn/3/predict", body, headers={"Content-MD5": wrong})
        assert "Content-MD5" in message


def test_an_answer_carries_its_md5(tmp_path):
    deploy_sum(tmp_path)
    response = ask(tmp_path, "/churn/3/predict", rows([1, 2]))
    expected = base64.b64encode(hashlib.md5(response.content).digest()).decode()
    assert response.headers["Content-MD5"] == expected


@pytest.mark.parametrize("header", ["Content-Encoding", "sf-external-function-format"])
def test_other_formats_are_refused(tmp_path, header):
    deploy_sum(tmp_path)
    assert "The service takes" in refusal(
        tmp_path, "/churn/3/predict", rows([1, 2]), headers={header: "gzip"}
    )


def test_a_retry_joins_the_first_run_and_later_gets_its_answer(tmp_path):
    deploy_sum(tmp_path)

    async def thrice():
        async with serving(tmp_path, max_delay_ms=100) as client:
            body = json.dumps(rows([1, 2]))
            post = lambda: client.post("/churn/3/predict", content=body, headers=BATCH)  # noqa: E731
            answers = [*await asyncio.gather(post(), post()), await post()]
            return answers, await figures(client)

    answers, counted = asyncio.run(thrice())
    assert [answer.json() for answer in answers] == [{"data": [[0, 3.0]]}] * 3
    assert counted["wml_rows_total", *labels()] == 1
    assert counted[("wml_reused_answers_total",)] == 2


def test_one_id_does_not_join_different_batches(tmp_path):
    deploy_sum(tmp_path)

    async def both():
        async with serving(tmp_path) as client:
            bodies = [rows([1, 2]), rows([5, 6])]
            posts = [client.post("/churn/3/predict", json=body, headers=BATCH) for body in bodies]
            proba = client.post("/churn/3/predict_proba", json=bodies[0], headers=BATCH)
            return [answer.json()["data"][0][1] for answer in await asyncio.gather(*posts, proba)]

    assert asyncio.run(both()) == [3.0, 11.0, 2.0]


def test_a_refused_batch_is_refused_again(tmp_path):
    deploy_refusing(tmp_path)

    async def twice():
        async with serving(tmp_path) as client:
            return [
                (await client.post("/strict/1/predict", json=rows([-1]), headers=BATCH)).status_code
                for _ in range(2)
            ]

    assert asyncio.run(twice()) == [400, 400]


def test_a_full_queue_asks_to_come_again(tmp_path):
    deploy_sum(tmp_path)

    async def crowd():
        async with serving(tmp_path, max_delay_ms=100, max_queue_rows=3) as client:
            posts = [client.post("/churn/3/predict", json=rows([i, 0], [i, 1])) for i in range(3)]
            return sorted((r.status_code, r.headers.get("Retry-After")) for r in await asyncio.gather(*posts))

    assert asyncio.run(crowd()) == [(200, None), (429, "1"), (429, "1")]


def test_requests_are_scored_together(tmp_path):
    deploy_sum(tmp_path)

    async def crowd():
        async with serving(tmp_path, max_delay_ms=200, max_batch_rows=8) as client:
            posts = [client.post("/churn/3/predict", json=rows([i, 0], [i, 1])) for i in range(4)]
            answers = [[score for _, score in r.json()["data"]] for r in await asyncio.gather(*posts)]
            return answers, await figures(client)

    answers, counted = asyncio.run(crowd())
    assert answers == [[i, i + 1] for i in range(4)]
    assert (counted["wml_scored_rows_count", *labels()], counted["wml_scored_rows_sum", *labels()]) == (1, 8)


def test_the_metrics_count_what_was_done(tmp_path):
    deploy_sum(tmp_path)

    async def some():
        async with serving(tmp_path) as client:
            for body in (rows([1, 2], [3, 4]), rows([1])):
                await client.post("/churn/3/predict", json=body)
            await client.post("/nothing/1/predict", json=rows())
            return await figures(client)

    counted = asyncio.run(some())
    assert counted["wml_rows_total", *labels()] == 2
    assert counted["wml_batches_total", *labels(status="200")] == 1
    assert counted["wml_batches_total", *labels(status="400")] == 1
    assert counted["wml_batch_seconds_count", *labels()] == 2
    assert (counted[("wml_queue_rows",)], counted[("wml_ready",)]) == (0, 1)
    node = {"model": "churn", "version": "3", "provider": "CPUExecutionProvider", "operator": "Add"}
    assert counted["wml_nodes", *sorted(node.items())] == 1
    assert "nothing" not in str(list(counted))


def test_an_error_of_a_library_is_told_without_its_words(tmp_path, caplog, monkeypatch):
    """They may quote a row."""

    def score(self, columns, method):
        raise RuntimeError(f"bad value {columns[0][0]}")

    deploy_sum(tmp_path)
    monkeypatch.setattr(onnx_service.ServedModel, "score", score)
    message = refusal(tmp_path, "/churn/3/predict", rows([1234.5, 2]), 500)
    assert message == "The batch could not be scored; the log of the service says where."
    assert re.search(
        r"RuntimeError at test_onnx_service\.py:\d+, in a batch for churn/3/predict", caplog.text
    )
    assert "1234.5" not in caplog.text


def test_until_all_models_are_loaded_the_service_is_not_ready(tmp_path):
    deploy_sum(tmp_path)

    async def early():
        app = onnx_service.create_app(service_settings.Settings(models=str(tmp_path)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            before = [await client.get("/healthz"), await client.post("/churn/3/predict", json=rows([1, 2]))]
            async with app.router.lifespan_context(app):
                await app.state.loading
                during = await client.get("/healthz")
            after = [await client.get("/healthz"), await client.post("/churn/3/predict", json=rows([1, 2]))]
            return before, during, after

    before, during, after = asyncio.run(early())
    assert [response.status_code for response in before] == [503, 503]
    assert (during.status_code, during.json()) == (200, {"state": "ready"})
    assert [response.status_code for response in after] == [503, 503]
    assert after[1].json() == {"error": "The service is stopping."}


def test_from_a_signal_on_no_batch_is_taken_and_those_in_flight_are_finished(tmp_path):
    deploy_sum(tmp_path)

    async def stop():
        server = onnx_service.Server(onnx_service.uvicorn.Config(lambda: None))
        settings = service_settings.Settings(models=str(tmp_path), max_delay_ms=100)
        app = onnx_service.create_app(settings, server)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            async with app.router.lifespan_context(app):
                await app.state.loading
                post = client.post("/churn/3/predict", json=rows([1, 2]), headers=BATCH)
                first = asyncio.create_task(post)
                await asyncio.sleep(0.02)
                server.handle_exit(signal.SIGTERM, None)
                health = await client.get("/healthz")
                second = await client.post("/churn/3/predict", json=rows([1, 2]))
            return await first, health, second, server.should_exit

    first, health, second, ends = asyncio.run(stop())
    assert first.json() == {"data": [[0, 3.0]]}
    assert (health.status_code, second.status_code, second.headers["Retry-After"]) == (503, 503, "1")
    assert ends


def test_a_failed_load_ends_the_server(tmp_path, caplog):
    async def start():
        app = onnx_service.create_app(service_settings.Settings(models=str(tmp_path)), server)
        async with app.router.lifespan_context(app):
            await asyncio.wait({app.state.loading})
        return server.service.state

    server = onnx_service.Server(onnx_service.uvicorn.Config(lambda: None))
    assert asyncio.run(start()) == "failed"
    assert server.should_exit
    assert "holds no model" in caplog.text


def test_the_log_of_a_start_says_where_nodes_run(tmp_path, caplog):
    deploy_sum(tmp_path)
    caplog.set_level("INFO", "wml.service")
    assert scores(tmp_path, "/churn/3/predict", [1234.5, 2]) == [1236.5]
    assert "CPUExecutionProvider runs 1 Add, 1 Concat, 1 Reshape" in caplog.text
    assert "1234.5" not in caplog.text
