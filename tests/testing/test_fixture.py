"""What the pytest fixture's options do."""

import pytest


@pytest.fixture(scope="module")
def snowflake_emulation_options():
    return {"roles": ["ML_CALLER"]}


def test_roles_come_from_the_fixture_of_options(snowflake_session, emulation):
    snowflake_session.sql("GRANT USAGE ON SCHEMA public TO ml_caller").collect()
    assert emulation.grants[-1].role == "ML_CALLER"
