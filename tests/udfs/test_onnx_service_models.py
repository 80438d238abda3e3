import asyncio
import hashlib
import json
import re
from collections import Counter

import onnx.parser
import pytest

from tests.udfs.service_deployments import SUM, deploy_sum
from warehouse_ml.engines.handler_files import load_handler

service_models = load_handler("service_models")
service_placement = load_handler("service_placement")
service_settings = load_handler("service_settings")

CPU, CUDA = service_placement.CPU, service_placement.CUDA
StartError = service_settings.StartError


def served(folder, serve: str = "") -> list[tuple[str, str]]:
    found = service_models.find_deployments(folder, serve)
    return [(each.reference, str(each.folder.relative_to(folder))) for each in found]


def load(folder, **settings):
    (deployment,) = service_models.find_deployments(folder)
    return service_models.ServedModel(deployment, service_settings.Settings(**settings))


def test_versions_are_found_with_and_without_a_digest(tmp_path):
    deploy_sum(tmp_path, "churn/3")
    deploy_sum(tmp_path, "fraud/10/0123456789abcdef")
    (tmp_path / "notes").mkdir()
    (tmp_path / "churn" / "draft").mkdir()
    expected = [("churn/3", "churn/3"), ("fraud/10", "fraud/10/0123456789abcdef")]
    assert served(tmp_path) == expected
    assert served(tmp_path, " fraud/10, ") == expected[1:]
    assert served(tmp_path, "fraud/10/0123456789abcdef,churn/3") == expected[::-1]


@pytest.mark.parametrize(
    ("serve", "message"),
    [
        ("churn", "names 'churn'; an entry is like churn/3"),
        ("../etc/1", "an entry is like churn/3"),
        ("churn/0", "an entry is like churn/3"),
        ("churn/4", "there is none"),
        ("churn/3/..", "16 hexadecimal digits"),
        ("two/1", "there are several: 0000000000000000, 1111111111111111"),
    ],
)
def test_what_cannot_be_served_is_named(tmp_path, serve, message):
    deploy_sum(tmp_path)
    for digit in "01":
        deploy_sum(tmp_path, f"two/1/{digit * 16}")
    with pytest.raises(StartError, match=message):
        served(tmp_path, serve)


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(StartError, match="holds no model"):
        served(tmp_path)
    with pytest.raises(StartError, match="is no folder"):
        served(tmp_path / "absent")


def test_other_bytes_are_refused(tmp_path):
    place = deploy_sum(tmp_path)
    model = (place / "model.onnx").read_bytes()
    (place / "model.onnx").write_bytes(model.replace(b"both", b"soth"))
    with pytest.raises(StartError, match="SHA-256 .* another model, or was damaged"):
        load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    (deploy_sum(tmp_path) / "model.onnx").unlink()
    with pytest.raises(StartError, match=r"model\.onnx cannot be read: No such file"):
        load(tmp_path)


def test_another_signature_than_the_embedded_one_is_refused(tmp_path):
    place = deploy_sum(tmp_path)
    model = onnx.load(place / "model.onnx")
    model.metadata_props.add(key=service_models.SIGNATURE, value="{}")
    onnx.save(model, place / "model.onnx")
    facts = json.loads((place / "deployment.json").read_text())
    facts["sha256"] = hashlib.sha256((place / "model.onnx").read_bytes()).hexdigest()
    (place / "deployment.json").write_text(json.dumps(facts))
    with pytest.raises(StartError, match="the signature in deployment.json is not that of model.onnx"):
        load(tmp_path)


def test_a_model_knows_where_its_nodes_run(tmp_path):
    deploy_sum(tmp_path)
    assert load(tmp_path).placement == {(CPU, "Add"): 1, (CPU, "Concat"): 1, (CPU, "Reshape"): 1}


def test_cuda_that_is_not_there_is_refused(tmp_path):
    deploy_sum(tmp_path)
    with pytest.raises(StartError, match="has no CUDAExecutionProvider, only .*CPUExecutionProvider"):
        load(tmp_path, device="cuda")


def test_cuda_that_does_not_start_is_refused(tmp_path, monkeypatch):
    """A session falls back in silence where the libraries of CUDA do not fit."""
    deploy_sum(tmp_path)
    monkeypatch.setattr(service_models, "providers_of", lambda device: [CPU])
    with pytest.raises(StartError, match="churn/3: CUDAExecutionProvider could not be started, only CPU"):
        load(tmp_path, device="cuda")


@pytest.fixture
def cpu_for_cuda(monkeypatch):
    monkeypatch.setattr(service_models, "providers_of", lambda device: [CPU])
    monkeypatch.setattr(service_models, "check_placement", lambda *_, **__: None)


@pytest.mark.parametrize(("device", "operator"), [("cuda", "Sum"), ("cpu", "Add")])
def test_cuda_prefers_the_file_that_was_made_for_it(tmp_path, cpu_for_cuda, device, operator):
    tensors = onnx.parser.parse_model(SUM.replace("Add(", "Sum(")).SerializeToString()
    place = deploy_sum(tmp_path, tensors=hashlib.sha256(tensors).hexdigest())
    (place / "tensors.onnx").write_bytes(tensors)
    model = load(tmp_path, device=device)
    assert (CPU, operator) in model.placement
    assert model.sha256 == hashlib.sha256((place / "model.onnx").read_bytes()).hexdigest()


def test_another_file_for_cuda_than_the_pushed_one_is_refused(tmp_path, cpu_for_cuda):
    place = deploy_sum(tmp_path, tensors="0" * 64)
    (place / "tensors.onnx").write_bytes((place / "model.onnx").read_bytes())
    with pytest.raises(StartError, match=r"tensors\.onnx has the SHA-256 .* was damaged"):
        load(tmp_path, device="cuda")


def check(placed: dict, **changes) -> None:
    service_placement.check_placement("churn/3", "cuda", [CUDA, CPU], placed, allow_cpu=False, **changes)


@pytest.mark.parametrize(
    ("placed", "message"),
    [
        (
            {(CUDA, "Add"): 9, (CPU, "TreeEnsembleRegressor"): 1},
            "1 of 10 nodes that compute would run on the CPU: 1 TreeEnsembleRegressor",
        ),
        ({(CUDA, "Add"): 1, (CPU, "Sub"): 2, (CPU, "Cast"): 1}, "3 of 4 .*: 1 Cast, 2 Sub"),
        (None, "too old to say"),
    ],
)
def test_work_on_the_cpu_is_refused(placed, message):
    with pytest.raises(StartError, match=message):
        check(placed)
    service_placement.check_placement("churn/3", "cuda", [CUDA, CPU], placed, allow_cpu=True)


@pytest.mark.parametrize(
    "placed",
    [
        {(CUDA, "MatMul"): 1, (CPU, "Shape"): 5, (CPU, "Reshape"): 1},
        {(CUDA, "Add"): 1, (CPU, "Cast"): 1},
    ],
)
def test_a_little_on_the_cpu_is_allowed(placed):
    assert check(placed) is None


def test_a_log_lists_operators_by_provider():
    placed = Counter({(CPU, "Cast"): 1, (CUDA, "MatMul"): 2, (CUDA, "Add"): 1})
    assert service_placement.described(placed) == (
        "CPUExecutionProvider runs 1 Cast; CUDAExecutionProvider runs 1 Add, 2 MatMul"
    )
    assert "does not say" in service_placement.described(None)


def test_settings_are_read_by_their_names():
    read = service_settings.read_settings({"WML_PORT": "80", "WML_MODELS": "/m", "WML_MAX_DELAY_MS": "0"})
    assert read == service_settings.Settings(port=80, models="/m", max_delay_ms=0)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("WML_PORT", "0", "at least 1"),
        ("WML_PORT", "80a", "must be a whole number"),
        ("WML_PORT", "-1", "must be a whole number"),
        ("WML_MAX_QUEUE_ROWS", "１", "must be a whole number"),
        ("WML_DEVICE", "gpu", "one of cpu, cuda"),
    ],
)
def test_settings_of_another_kind_are_refused(variable, value, message):
    with pytest.raises(StartError, match=f"{variable} is {value!r}.*{message}"):
        service_settings.read_settings({variable: value})


def test_variables_that_are_no_settings_are_listed():
    environment = {"WML_PORTS": "1", "WML_PORT": "1", "HOME": "/"}
    assert service_settings.unknown_settings(environment) == ["WML_PORTS"]


def test_every_setting_is_documented():
    document = load_handler("onnx_service").__doc__
    table = re.sub(r"(WML_KEPT)_ANSWERS, _BYTES, _SECONDS", r"\1_ANSWERS \1_BYTES \1_SECONDS", document)
    names = {f"WML_{name.upper()}" for name in service_settings.Settings.__dataclass_fields__}
    assert set(re.findall(r"WML_[A-Z_]+", table)) == names


Answers = load_handler("service_answers").Answers


def answered(answers, *keys: str) -> list[bool]:
    """Whether each answer was kept from before."""

    async def all_of_them():
        async def work():
            return b"12345"

        return [(await answers.once(key, work))[1] for key in keys]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("limits", [(2, 100, 60), (100, 10, 60)])
def test_the_oldest_answers_go_first(limits):
    assert answered(Answers(*limits), "a", "b", "b", "c", "b", "a") == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_answers_grow_old():
    now = iter([0, 0, 0, 59, 61, 61, 61]).__next__
    assert answered(Answers(9, 99, 60, now), "a", "a", "a") == [False, True, False]


def test_a_failed_run_is_forgotten_and_told_to_all():
    async def fail():
        await asyncio.sleep(0.01)
        raise ValueError("no")

    async def twice(answers):
        return await asyncio.gather(*(answers.once("a", fail) for _ in range(2)), return_exceptions=True)

    answers = Answers(9, 99, 60)
    assert [str(error) for error in asyncio.run(twice(answers))] == ["no", "no"]
    assert (answers.running, answered(answers, "a")) == ((), [False])


def test_a_caller_who_goes_away_stops_nothing():
    async def leave(answers):
        async def work():
            await asyncio.sleep(0.02)
            return b"kept"

        gone = asyncio.create_task(answers.once("a", work))
        await asyncio.sleep(0)
        gone.cancel()
        return await answers.once("a", work)

    assert asyncio.run(leave(Answers(9, 99, 60))) == (b"kept", True)
