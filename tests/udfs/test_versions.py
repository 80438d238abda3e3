import pytest

from tests.udfs.versions import ENVIRONMENTS, answers, check, python_of, questions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("versions")


@pytest.fixture(scope="module")
def asked(folder):
    return questions(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_one_artefact_and_handler_serve_several_versions(name, asked, folder) -> None:
    versions, found = answers(python_of(ENVIRONMENTS[name]), asked, folder)
    assert {f"{library}=={version}" for library, version in versions.items()} >= set(ENVIRONMENTS[name])
    check(asked, found)
