import pytest
from snowflake.connector.errors import ConfigSourceError

from warehouse_ml.engines import snowflake_login
from warehouse_ml.engines.snowflake_login import PASSWORD_SECONDS, SECONDS, with_login_timeout

CONNECTIONS = {"plain": {"authenticator": "OAUTH"}, "patient": {"login_timeout": 300}}


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"account": "acc", "user": "ada"}, PASSWORD_SECONDS),
        ({"account": "acc", "authenticator": "SNOWFLAKE_JWT"}, SECONDS),
        ({"account": "acc", "authenticator": "externalbrowser"}, None),
        ({"account": "acc", "authenticator": "https://corp.okta.com"}, None),
        ({"account": "acc", "login_timeout": "7"}, "7"),
        ({"connection_name": "plain"}, SECONDS),
        ({"connection_name": "patient"}, None),
        ({"connection_name": "unknown"}, PASSWORD_SECONDS),
    ],
)
def test_a_login_is_limited_unless_a_person_or_the_configuration_takes_part(monkeypatch, settings, seconds):
    monkeypatch.setattr(snowflake_login, "CONFIG_MANAGER", {"connections": CONNECTIONS})
    found = with_login_timeout(settings)
    assert found.pop("login_timeout", None) == seconds
    assert found == {name: value for name, value in settings.items() if name != "login_timeout"}


def test_a_configuration_that_cannot_be_read_is_left_to_the_connector(monkeypatch):
    class Broken(dict):
        def __missing__(self, name):
            raise ConfigSourceError("connections.toml")

    monkeypatch.setattr(snowflake_login, "CONFIG_MANAGER", Broken())
    assert with_login_timeout({"connection_name": "prod"})["login_timeout"] == PASSWORD_SECONDS
