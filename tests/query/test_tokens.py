import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_ml.query.tokens import Kind, tokenize

FRAGMENTS = [
    "SELECT", "predict", "é", "😀x", "a$b", "_1", "'s'", "'it''s'", "''", "E'a\\'b'", "e'\\\\'", "$$ d'q $$",
    "$t$ $$ $t$", '"q"', '"a""b"', "`b`", "/* c */", "/* a /* n */ 'x' */", "-- line\n", "-- 'x'\r", "(", ")",
    "[", "]", ",", ";", "1", "1.5", ".5", "1e5", "1_000", "+", "-", "*", "/", "=>", "::", "||", "<=>",
    "\u00a0",
]  # fmt: skip
QUOTES = {"identifier", "keyword", "string_const"}
OURS = (Kind.WORD, Kind.QUOTED, Kind.STRING)


def starts_of_duckdb(text: str) -> list[int]:
    """Where DuckDB sees words, quoted names and strings, as positions of characters."""
    data = text.encode()
    tokens = [(offset, str(kind).rpartition(".")[2]) for offset, kind in duckdb.tokenize(text)]
    return [len(data[:offset].decode()) for offset, kind in tokens if kind in QUOTES]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join))
def test_tokenize_sees_the_words_and_strings_that_duckdb_sees(text: str) -> None:
    tree = tokenize(text)
    if tree is not None:
        assert [token.start for token in tree.tokens if token.kind in OURS] == [
            start for start in starts_of_duckdb(text) if text[start] != "\u00a0"
        ]


@given(st.text(alphabet=st.sampled_from("aé😀 '\"`$-/*()[]{}?.:=>\\eE1\n;,")))
def test_tokens_lie_in_the_text_in_order(text: str) -> None:
    tree = tokenize(text)
    end = 0
    for token in tree.tokens if tree else ():
        assert token.start >= end
        assert text[token.start : token.end] == token.text != ""
        end = token.end


@pytest.mark.parametrize(
    "text", ["'a", '"a', "`a", "E'a\\'", "$$ a", "$t$ a $$", "/* a", "/* /* */", "(", "(]", ")"]
)
def test_tokenize_open_text_is_none(text: str) -> None:
    assert tokenize(text) is None


@pytest.mark.parametrize("text", ["'a", '"a', "`a", "E'a\\'", "$$ a", "/* /* */"])
def test_duckdb_refuses_what_is_none(text: str) -> None:
    with pytest.raises(duckdb.ParserException):
        duckdb.connect().execute(f"SELECT 1 {text}")


def test_closing_and_parent_follow_the_brackets() -> None:
    tree = tokenize("f(a, [b])")
    assert tree is not None
    assert tree.closing == {1: 7, 4: 6}
    assert tree.parent == (-1, -1, 1, 1, 1, 4, 1, -1)


@pytest.mark.parametrize(
    ("text", "name"),
    [("a", "a"), ('"a""b"', 'a"b'), ("`a``b`", "a`b"), ('"it\'s"', "it's"), ('"a``b"', "a``b")],
)
def test_name_is_unquoted(text: str, name: str) -> None:
    tree = tokenize(text)
    assert tree is not None
    assert tree.tokens[0].name == name


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (r"'It\'s' a", [r"'It\'s'", "a"]),
        ("$$it's -- 'x$$ b", ["$$it's -- 'x$$", "b"]),
        ("a // 'b\nc", ["a", "c"]),
        ("/* a /* b */ c", ["c"]),
        ("x:late::FLOAT", ["x", ":", "late", "::", "FLOAT"]),
        ("t.$1, $name", ["t", ".", "$1", ",", "$name"]),
        ("FROM @s.stage/a-b//c.csv t", ["FROM", "@s.stage/a-b//c.csv", "t"]),
        ("@~/x", ["@~/x"]),
        ("a||b->c!=d", ["a", "||", "b", "->", "c", "!=", "d"]),
        ("m!PREDICT(a=>1)", ["m", "!", "PREDICT", "(", "a", "=>", "1", ")"]),
        ("{'a': 1.5e3}", ["{", "'a'", ":", "1.5e3", "}"]),
    ],
)
def test_snowflakes_tokens(text, tokens):
    assert [token.text for token in tokenize(text, "snowflake").tokens] == tokens


@pytest.mark.parametrize("text", ["'a", r"'a\'", "$$a", '"a', "/* a", "(a"])
def test_what_snowflake_cannot_parse(text):
    assert tokenize(text, "snowflake") is None


@given(text=st.text("ab'\"$/*-\\@:!(){}[],. \n1?", max_size=24))
def test_snowflakes_tokens_lie_in_the_text(text):
    tree = tokenize(text, "snowflake")
    for token in tree.tokens if tree else ():
        assert text[token.start : token.end] == token.text
