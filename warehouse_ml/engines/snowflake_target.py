"""Read `snowflake://`: the name of a connection, or an account with its user, database and settings."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from warehouse_ml.errors import SnowflakeTargetError, near_miss

SCHEME = "snowflake://"

_NAME = re.compile(r"[\w-]+")

_SETTINGS = (
    *("warehouse", "role", "authenticator", "private_key_file", "token_file_path"),
    *("host", "port", "protocol", "login_timeout", "network_timeout", "query_tag"),
)
"""What may stand after the `?`. Passwords, tokens and passphrases belong in connections.toml or in
variables of the environment."""

_SECRETS = ("password", "token", "private_key", "private_key_file_pwd", "passcode", "oauth_client_secret")


def connection_settings(target: str) -> dict[str, str]:
    """The settings for the connector, which does all else: keys, tokens, single sign-on.

    Args:
        target: `snowflake://name`, a connection in the connector's `connections.toml`; or
            `snowflake://user@account/database/schema?warehouse=…&role=…&authenticator=…`, with what is
            special in it percent-encoded.

    Raises:
        SnowflakeTargetError: It is neither. The sentence repeats nothing of it that may be a secret.
    """
    if target[: len(SCHEME)].lower() != SCHEME:
        raise SnowflakeTargetError("it does not begin with snowflake://")
    try:
        url = urlsplit(target)
        secret = url.password
    except ValueError:
        raise SnowflakeTargetError("it is no URL") from None
    if url.fragment or "#" in target:
        raise SnowflakeTargetError("a '#' has no meaning in it; write %23")
    if "@" not in url.netloc:
        return _named(url)
    settings = _account(url)
    if secret is not None:
        if not secret:
            raise SnowflakeTargetError("the password between ':' and '@' is empty")
        settings["password"] = unquote(secret)
    return settings | _options(url.query)


def likely_target(text: str) -> str:
    """What to write for a text that is no target; it repeats the name of a connection, and no path or URL."""
    return SCHEME + (text if _NAME.fullmatch(text) else "<name of a connection>")


def shown(settings: Mapping[str, str]) -> str:
    """A connection's name, or its user and account, to be seen by anybody."""
    if "connection_name" in settings:
        return settings["connection_name"]
    return f"{settings['user']}@{settings['account']}"


def _named(url: SplitResult) -> dict[str, str]:
    name = unquote(url.netloc)
    if not name:
        raise SnowflakeTargetError("it names no connection")
    if url.path.strip("/") or url.query:
        raise SnowflakeTargetError(
            "a connection's name stands alone, and an account needs its user: user@account"
        )
    return {"connection_name": name}


def _account(url: SplitResult) -> dict[str, str]:
    user, _, _ = url.netloc.rpartition("@")[0].partition(":")
    account = url.netloc.rpartition("@")[2]
    if not user:
        raise SnowflakeTargetError("there is no user before '@'")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", account) is None:
        raise SnowflakeTargetError("what follows '@' is no account identifier, such as my_org-my_account")
    parts = url.path.split("/")[1:]
    if parts and not parts[-1]:
        parts.pop()
    if len(parts) > 2 or not all(parts):
        raise SnowflakeTargetError("after the account come at most a database and a schema")
    named = zip(("database", "schema"), map(unquote, parts), strict=False)
    return {"account": account, "user": unquote(user), **dict(named)}


def _options(query: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise SnowflakeTargetError("what follows '?' is not name=value&name=value") from None
    options: dict[str, str] = {}
    for name, value in pairs:
        if name in _SECRETS:
            raise SnowflakeTargetError(
                f"{name!r} does not belong into a URL; put it into connections.toml or the environment"
            )
        if name not in _SETTINGS:
            raise SnowflakeTargetError(
                f"there is no setting {name[:40]!r}.{near_miss(name, _SETTINGS)}".rstrip(".")
            )
        if name in options or not value:
            raise SnowflakeTargetError(f"{name!r} must have one value")
        options[name] = value
    return options
