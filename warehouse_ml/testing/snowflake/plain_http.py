"""Lets the connector reach a stage over plain HTTP, where an address says so.

The connector moves a stage's files to and from the address that the account names, and puts `https://`
before any address that lacks it. Snowflake never names one with `http://`: nothing changes elsewhere.
"""

from typing import Any

from snowflake.connector.gcs_storage_client import GcsLocation, SnowflakeGCSRestClient

REFUSED = "https://http://"


def allow_plain_http() -> None:
    """Take the connector's `https://` away again from addresses that start with `http://`."""
    original = SnowflakeGCSRestClient.get_location
    if getattr(original, "allows_plain_http", False):
        return

    def get_location(*arguments: Any, **options: Any) -> GcsLocation:
        location = original(*arguments, **options)
        if location.endpoint.startswith(REFUSED):
            return location._replace(endpoint=location.endpoint.removeprefix("https://"))
        return location

    get_location.allows_plain_http = True  # type: ignore[attr-defined]
    SnowflakeGCSRestClient.get_location = staticmethod(get_location)  # type: ignore[method-assign]
