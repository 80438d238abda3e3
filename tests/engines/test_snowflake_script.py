import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_ml.engines.snowflake_script import statements


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("", []),
        (" ;; -- nothing\n; /* nothing; */ // nothing", []),
        ("select 1", [("select 1", "SELECT")]),
        ("-- a;\nSelect ';' as a; -- x", [("-- a;\nSelect ';' as a", "SELECT")]),
        ("begin;(select 2)", [("begin", "BEGIN"), ("(select 2)", "(")]),
        (r"select 'a\'; b''; c'; select 2", [(r"select 'a\'; b''; c'", "SELECT"), ("select 2", "SELECT")]),
        ('select "a;""b"; show tables', [('select "a;""b"', "SELECT"), ("show tables", "SHOW")]),
        ("select $$a';b$$;select 2", [("select $$a';b$$", "SELECT"), ("select 2", "SELECT")]),
        (
            "select 1 /* ; ' */ - -2 / 3; select $1",
            [("select 1 /* ; ' */ - -2 / 3", "SELECT"), ("select $1", "SELECT")],
        ),
        ("select 'open; end", [("select 'open", "SELECT"), ("end", "END")]),
        ("select 1 /* open; end", [("select 1 /* open; end", "SELECT")]),
    ],
)
def test_a_script_is_its_statements(script, found):
    assert statements(script) == found


@given(
    st.lists(
        st.sampled_from(["select 1", "'a;b'", "--;\n", "/*;*/", "$$;$$", '"x;"', " ", "\n", "é"]), max_size=9
    )
)
def test_what_is_quoted_ends_nothing(pieces):
    script = " ".join(pieces)
    assert [text for text, _ in statements(script)] in ([], [script.strip()])
