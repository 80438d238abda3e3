"""Accounts apart from each other, environments of what was declared, and the network that is denied."""

import subprocess
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from snowflake.snowpark.exceptions import SnowparkSQLException

from tests.testing.account import PINS, RUNTIME, Account
from warehouse_ml.testing.snowflake import NotEmulatedError, emulated_snowflake, environments, worker
from warehouse_ml.testing.snowflake.templates import template
from warehouse_ml.testing.snowflake.worker_process import Worker
from warehouse_ml.testing.snowflake.workers import LIMIT


def test_accounts_share_nothing(account):
    account.sql("CREATE TABLE own (a INT)")
    with emulated_snowflake() as other:
        with pytest.raises(SnowparkSQLException, match="'OWN' does not exist"):
            other.session().sql("SELECT * FROM own").collect()
        with pytest.raises(SnowparkSQLException, match="FILES' does not exist"):
            other.session().sql("LIST @files").collect()


def test_sessions_of_an_account_share_its_objects(account):
    account.sql("CREATE FUNCTION shared(a FLOAT) RETURNS FLOAT AS $$ a + 1 $$")
    second = account.emulation.session()
    assert second.sql("SELECT shared(1)").collect()[0][0] == 2


def test_sessions_that_define_the_same_at_once(account):
    def define(place):
        session = account.emulation.session("TOGETHER")
        for kind in ("SCHEMA IF NOT EXISTS s", "TABLE IF NOT EXISTS s.t (a INT)", "STAGE IF NOT EXISTS s.f"):
            session.sql(f"CREATE {kind}").collect()
        session.sql("INSERT INTO s.t VALUES (?)", [place]).collect()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(define, range(4)))
    assert account.value("SELECT SUM(a) FROM together.s.t") == 6


def test_the_fixture_gives_a_session(snowflake_session, emulation):
    assert snowflake_session.sql("SELECT CURRENT_DATABASE()").collect()[0][0] == "EMULATED"
    assert emulation.statements == ["SELECT CURRENT_DATABASE()"]


def test_an_account_of_its_own_for_every_test(snowflake_session):
    assert snowflake_session.sql("SHOW FUNCTIONS").collect() == []


def test_the_environment_holds_what_was_declared():
    python = environments.environment(PINS, RUNTIME)
    versions = template(python).versions
    assert tuple(f"{name}=={versions[name]}" for name in ("numpy", "pandas")) == PINS


def test_pandas_has_to_be_declared(account):
    name = account.function("def predict(batch):\n    return batch[0]", packages=())
    with pytest.raises(SnowparkSQLException, match="No module named 'numpy'"):
        account.sql(f"SELECT {name}(1)")


def test_an_environment_is_made_once_by_several_threads(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []
    original = environments.make
    monkeypatch.setattr(environments, "make", lambda *given: (made.append(given), original(*given)))
    threads = [threading.Thread(target=environments.environment, args=((), RUNTIME)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert environments.environment((), RUNTIME).exists()


def test_an_environment_without_packages_holds_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = "import importlib.metadata as m; print([d.name for d in m.distributions()])"
    python = environments.environment((), RUNTIME)
    assert (
        subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


def test_an_environment_that_was_not_finished_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    python = environments.environment((), RUNTIME)
    (python.parent.parent / "complete.json").unlink()
    python.unlink()
    assert environments.environment((), RUNTIME).exists()


@pytest.fixture
def cannot_deny(monkeypatch, tmp_path):
    """A worker on a machine whose network cannot be denied."""
    file = tmp_path / "worker.py"
    text = Path(worker.__file__).read_text()
    file.write_text(text.replace('if sys.platform != "linux"', "if True"))
    monkeypatch.setattr(worker, "__file__", str(file))
    monkeypatch.setattr("warehouse_ml.testing.snowflake.templates.templates", {})


def test_a_network_that_cannot_be_denied_is_an_error(cannot_deny):
    python = environments.environment(PINS, RUNTIME)
    with pytest.raises(NotEmulatedError, match="could not take it away.*allow_network=True"):
        Worker(python, {}, deny_network=True)
    template(python).stop()


def test_without_that_proof_on_request():
    with emulated_snowflake(allow_network=True) as emulation:
        account = Account(emulation, emulation.session())
        account.sql("CREATE STAGE files")
        name = account.function(
            "import socket\ndef predict(batch):\n    socket.socket().close()\n    return batch[0]"
        )
        assert account.value(f"SELECT {name}(1)") == 1


def test_files_of_other_functions_are_not_seen(account):
    first = account.function("def predict(batch):\n    return batch[0]", files={"own.json": 1})
    code = "def predict(batch):\n    return [str(sorted(os.listdir('.')))] * len(batch)"
    second = account.function(code, returns="VARCHAR")
    assert account.value(f"SELECT {second}(1)") == f"['handler_{second}.py']"
    assert account.value(f"SELECT {first}(1)") == 1


def test_no_stream_of_another_process_is_open_in_a_handler(account):
    code = """
    def predict(batch):
        seen = os.listdir("/proc/self/fd")
        links = [os.readlink(path) for one in seen if os.path.exists(path := f"/proc/self/fd/{one}")]
        return [len([link for link in links if link.startswith("socket")])] * len(batch)
    """
    assert account.value(f"SELECT {account.function(textwrap.dedent(code))}(1)") == 0


def test_an_error_that_cannot_be_shown_is_one(account):
    code = """
    class Silent(Exception):
        def __str__(self):
            raise ValueError

    def predict(batch):
        raise Silent
    """
    name = account.function(textwrap.dedent(code))
    with pytest.raises(SnowparkSQLException, match="(?s)100357.*Silent"):
        account.value(f"SELECT {name}(1)")


def test_more_functions_than_workers_in_one_statement(account):
    names = [
        account.function(f"def predict(batch):\n    return batch[0] + {number}")
        for number in range(LIMIT + 3)
    ]
    calls = ", ".join(f"{name}(r.index)" for name in names)
    rows = account.sql(f"SELECT {calls} FROM TABLE(FLATTEN(input => PARSE_JSON(?))) AS r", str([0] * 2500))
    assert [tuple(row) for row in rows] == [tuple(i + n for n in range(LIMIT + 3)) for i in range(2500)]
    assert len(account.emulation.workers.running) == LIMIT


def test_uv_installs_where_pip_is_not(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "find_spec", lambda name: None)
    monkeypatch.setattr(environments.shutil, "which", lambda name: f"/bin/{name}")
    assert environments.installer(tmp_path)[:3] == ["/bin/uv", "pip", "install"]


def test_a_machine_without_an_installer_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "find_spec", lambda name: None)
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    with pytest.raises(NotEmulatedError, match="neither pip nor uv"):
        environments.installer(tmp_path)
