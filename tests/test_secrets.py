"""No secret, row value or weight in a log, an error, a comment, a metric or a statement.

Two things are documented and hold on Snowflake alone: an inline expression is the model, and stands in the
statement (`optimizer.disable("inline_scores")`); and an error that refuses a row names the value it refuses.
"""

import base64
import json
import logging
import struct
import traceback
import urllib.error
import urllib.request

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

import warehouse_ml as wml
from tests.test_service_on_snowflake import mounted, wait_until_ready
from tests.udfs.service_load import free_port, start_server
from warehouse_ml.testing.snowflake import emulated_snowflake

PASSWORD = "hunter2-Wq81-secret"
COEFFICIENTS = (0.123456789012, -7.65432109871, 2.71828018284)
LEAVES = (0.987123456789, 31.4159012653)
CATEGORIES = ("quokka-7f3a", "numbat-91bc")
ROWS = (17.3205080756887, 22.3606797749978, 26.4575131106459)
THRESHOLD = (ROWS[0] + ROWS[1]) / 2
REFUSED = "axolotl-55d2"

QUERY = """
SELECT PREDICT('line', *) AS l, PREDICT_PROBA('line', *) AS p, TRY_PREDICT('tree', *) AS t FROM customers
WHERE PREDICT_PROBA('line', *) > 0.01 AND PREDICT('line', *) = 1 AND PREDICT('tree', *) > 0.25
"""


def spellings(number):
    """A number as text of 6 to 17 digits, and its bytes as hexadecimal and as base64 wherever they begin."""
    size = abs(number)
    found = {format(size, f".{digits}{form}") for digits in range(6, 18) for form in "efg"} | {size.hex()}
    for form in ("<d", ">d", "<f", ">f"):
        data = struct.pack(form, number)
        found |= {data.hex(), data.hex().upper()}
        if len(data) == 8:  # of four bytes, too little is left to be told from chance
            found |= {base64.b64encode(b"\0" * place + data)[place + 1 : -4].decode() for place in range(3)}
    return found


def spelled(*numbers):
    return set().union(*map(spellings, numbers))


WEIGHTS = spelled(*COEFFICIENTS, *LEAVES, THRESHOLD) | set(CATEGORIES)
SECRETS = WEIGHTS | spelled(*ROWS) | {PASSWORD}


def registered(session):
    """Two models whose numbers are known, and the rows that they are asked about."""
    rows = pd.DataFrame({"amount": np.tile(ROWS, 10), "plan": np.tile(CATEGORIES, 15)})
    plans = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    line = make_pipeline(plans, LogisticRegression()).fit(rows, np.tile([0, 1, 1], 10))
    line[-1].coef_ = np.array([COEFFICIENTS])
    session.register("line", line, rows)
    wanted = np.where(rows.amount < THRESHOLD, *LEAVES)
    session.register("tree", DecisionTreeRegressor().fit(rows[["amount"]], wanted), rows[["amount"]])
    return rows


def mistakes(session, target, emulation):
    """What fails; the last one names the value that it refuses."""
    unreachable = f"snowflake://ada:{PASSWORD}@acc?host=127.0.0.1&protocol=http&port=1&login_timeout=1"
    emulation.load("strange", pd.DataFrame({"amount": ROWS[:1], "plan": [REFUSED]}))
    return [
        lambda: session.push("line", to=unreachable),
        lambda: wml.connect(f"snowflake://ada:{PASSWORD}@a b"),
        lambda: session.push("line", to=target, deployment=wml.Deployment(caller_role="nobody")),
        lambda: target.sql("SELECT PREDICT('line', *) FROM nowhere").fetchall(),
        lambda: target.sql("SELECT PREDICT('line', amount) FROM customers").fetchall(),
        lambda: target.sql("SELECT PREDICT('line', *) FROM strange").fetchall(),
    ]


def said_of(mistake):
    """The error, and all that led to it."""
    with pytest.raises(wml.WarehouseMLError) as raised:
        mistake()
    return "".join(traceback.format_exception(raised.value))


def asked(url, content=None):
    """What a service answers, with its status."""
    body = None if content is None else json.dumps(content).encode()
    headers = {"content-type": "application/json", "sf-external-function-query-batch-id": "b1"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def service_texts(session, snowpark, folder):
    """What a service logs, counts and says of bad batches."""
    version = session.describe("line")
    path = f"{version.name}/{version.version}/{version.sha256[:16]}"
    port = free_port()
    server = start_server(mounted(snowpark, folder), port, serve=path, max_delay_ms=1)
    try:
        wait_until_ready(port, server)
        url = f"http://127.0.0.1:{port}"
        good = [[row, amount, CATEGORIES[0]] for row, amount in enumerate(ROWS)]
        assert asked(f"{url}/{path}/predict", {"data": good})[0] == 200
        bad = [[[0, ROWS[0]]], [[0, CATEGORIES[0], ROWS[0]]], [[0, ROWS[0], REFUSED]]]
        answers = [asked(f"{url}/{path}/predict", {"data": rows}) for rows in bad]
        assert all(status >= 400 for status, _ in answers), answers
        metrics = asked(f"{url}/metrics")[1]
    finally:
        server.terminate()
        logged = server.communicate(timeout=30)[1]
    return [logged, metrics, *(text for _, text in answers)]


def leaked(texts, secrets=SECRETS):
    return sorted({(secret, text[:200]) for text in texts for secret in secrets if secret in text})


def test_nothing_of_rows_weights_and_secrets_is_to_be_seen(caplog, capfd, tmp_path):
    for name in ("numba", "botocore"):  # they know nothing of models, and say much
        caplog.set_level(logging.WARNING, name)
    caplog.set_level(logging.DEBUG)
    with emulated_snowflake(roles=["analyst"]) as emulation, wml.connect() as session:
        port = emulation.connection_parameters()["port"]
        url = f"snowflake://ada:{PASSWORD}@emulated/EMULATED/PUBLIC?protocol=http&host=127.0.0.1&port={port}"
        emulation.load("customers", registered(session))
        with wml.connect(url) as target:
            target.optimizer.disable("inline_scores")
            for name in ("line", "tree"):
                session.push(name, to=target, deployment=wml.Deployment(caller_role="analyst"))
            target.set_alias("line", "champion", 1)
            print(target.explain(QUERY), target.describe("line"), repr(target), session.models())
            print(*session.push_statements("line"))
            assert len(target.sql(QUERY).fetchall()) > 0
            target.sql(f"CREATE VIEW scores AS {QUERY}")
            errors = [said_of(mistake) for mistake in mistakes(session, target, emulation)]
            texts = service_texts(session, target.connection, tmp_path)
            shown = capfd.readouterr()
            sent, logged = list(emulation.statements), [record.getMessage() for record in caplog.records]
            caplog.clear()
            target.optimizer.enable("inline_scores")
            target.sql(f"CREATE OR REPLACE VIEW scores AS {QUERY}")
            stored = emulation.statements[len(sent) :]
            assert len(target.sql(QUERY).fetchall()) > 0
            inline = emulation.statements[len(sent) + len(stored) :]

    assert leaked([*errors, *texts, shown.out, shown.err]) == []
    assert len(logged) > 1000  # the connector's and Snowpark's too
    assert leaked(logged) == []
    assert len([text for text in sent if text.startswith("CREATE FUNCTION")]) >= 5
    assert leaked([*sent, *stored]) == []
    others = [text for text in (*errors[:-1], *sent, shown.out, shown.err) if REFUSED in text]
    assert (others, REFUSED in errors[-1]) == ([], True)

    assert leaked(inline, WEIGHTS)  # as the guide says: the model is in the statement
    assert leaked(inline, SECRETS - WEIGHTS) == []
