"""How long a login to Snowflake may take, where the user's configuration does not say."""

from collections.abc import Mapping
from typing import Any

from snowflake.connector.config_manager import CONFIG_MANAGER
from snowflake.connector.errors import Error

SECONDS = 20
"""After how long a login is not tried again; the connector's own limit is 120. The try that runs goes on: for
at most 10 seconds with a key pair, else for 60, which no setting shortens that is for logins alone."""

PASSWORD_SECONDS = 60
"""The same with a password, for which an account may ask a person to confirm. One try takes as long."""

_PERSONAL = frozenset({"externalbrowser", "oauth_authorization_code", "username_password_mfa"})
"""Ways to authenticate in which a person acts, who may take longer; so do pages of Okta, given by a URL."""


def with_login_timeout(settings: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a connection, with a limit for its login unless there is one.

    Args:
        settings: What the connector gets; where it names a connection, that one's settings count too.
    """
    asked = {**_configured(settings.get("connection_name")), **settings}
    authenticator = str(asked.get("authenticator") or "snowflake").lower()
    if "login_timeout" in asked or authenticator in _PERSONAL or authenticator.startswith("http"):
        return dict(settings)
    return {**settings, "login_timeout": PASSWORD_SECONDS if authenticator == "snowflake" else SECONDS}


def _configured(name: str | None) -> Mapping[str, Any]:
    """A connection of `connections.toml`; nothing where it cannot be read, which the connector then says."""
    if name is None:
        return {}
    try:
        connections: Any = CONFIG_MANAGER["connections"]
    except Error:
        return {}
    found: Mapping[str, Any] = connections.get(name, {})
    return found
