import pytest

from warehouse_ml.query.blocks import Blocks
from warehouse_ml.query.tokens import tokenize


def around(text: str) -> list[tuple[str, str]]:
    """The FROM clause and the WITH names of each block around the word `here`, the innermost first."""
    tree = tokenize(text)
    assert tree is not None
    place = next(index for index, token in enumerate(tree.tokens) if token.text == "here")
    found = []
    for block in Blocks(tree).around(place):
        sources = [text[slice(*tree.span(*clause))] for clause in block.sources]
        names = [tree.tokens[start].text for start, _ in block.names]
        found.append((", ".join(sources), ", ".join(names)))
    return found


FROM = [
    ("SELECT here FROM t", "t"),
    ("SELECT here FROM t, u AS x WHERE 1", "t, u AS x"),
    ("FROM t SELECT here", "t"),
    ("FROM t WHERE here", "t"),
    ("SELECT 1 FROM t GROUP BY a HAVING here", "t"),
    ("SELECT 1 FROM t WINDOW w AS (ORDER BY here)", "t"),
    ("SELECT 1 FROM t QUALIFY here", "t"),
    ("SELECT 1 FROM t ORDER BY here LIMIT 1 OFFSET 1", "t"),
    ("SELECT here FROM t USING SAMPLE 1", "t"),
    ("SELECT here FROM t JOIN u USING (a) FETCH FIRST 1 ROW ONLY", "t JOIN u USING (a)"),
    ("SELECT 1 FROM t JOIN u ON here", "t JOIN u ON here"),
    ("SELECT a IS NOT DISTINCT FROM here FROM t", "t"),
    ("SELECT extract(year FROM d), trim(FROM x), here FROM t", "t"),
    ("SELECT a AS from, here FROM t", "t"),
    ("SELECT x.from, here FROM t", "t"),
    ("SELECT abs((here + 1)) FROM t", "t"),
    ("SELECT [here], {'a': here} FROM t", "t"),
    ("SELECT * EXCEPT (a), here FROM t", "t"),
    ("SELECT 1; SELECT here FROM t; SELECT 2 FROM u", "t"),
    ("SELECT 1 FROM t UNION SELECT here FROM u", "u"),
    ("SELECT here FROM t UNION ALL BY NAME SELECT 1 FROM u", "t"),
    ("SELECT 1 FROM t EXCEPT (SELECT here FROM u)", "u"),
    ("SELECT 1 FROM t UNION SELECT 2 FROM u ORDER BY here", "SELECT 1 FROM t UNION SELECT 2 FROM u"),
    ("WITH x AS (FROM t) (FROM x) UNION (FROM x) ORDER BY here", "(FROM x) UNION (FROM x)"),
    ("SELECT ((SELECT 1 FROM t) UNION (FROM u) ORDER BY here)", "(SELECT 1 FROM t) UNION (FROM u)"),
    ("CREATE VIEW v AS SELECT here FROM t", "t"),
    ("CREATE TABLE v AS FROM t SELECT here", "t"),
    ("PREPARE q AS SELECT here FROM t", "t"),
    ("EXPLAIN ANALYZE SELECT here FROM t", "t"),
    ("INSERT INTO s SELECT here FROM t", "t"),
    ("INSERT INTO s BY NAME FROM t SELECT here", "t"),
    ("INSERT INTO x.s AS q (a) VALUES (1) RETURNING here", "x.s AS q"),
    ("INSERT INTO s (a) SELECT 1 FROM t RETURNING here", "s"),
    ("INSERT OR REPLACE INTO s SELECT here FROM t", "t"),
    ("INSERT INTO s SELECT 1 FROM t ON CONFLICT DO UPDATE SET a = here", ""),
    ("INSERT INTO s VALUES (here)", ""),
    ("VALUES (here)", ""),
    ("UPDATE s SET a = here", "s"),
    ("UPDATE s AS x SET a = here FROM t WHERE 1", "s AS x, t"),
    ("UPDATE s SET a = 1 FROM t WHERE 1 RETURNING here", "s"),
    ("DELETE FROM s WHERE here", "s"),
    ("DELETE FROM s AS x USING t, u WHERE here", "s AS x, t, u"),
    ("DELETE FROM s USING t WHERE 1 RETURNING here", "s"),
    ("MERGE INTO s USING t ON here WHEN MATCHED THEN DELETE", "s, t"),
    ("MERGE INTO s AS x USING t USING (id) WHEN MATCHED AND here THEN DELETE", "s AS x, t"),
    ("MERGE INTO s USING t ON 1 WHEN NOT MATCHED THEN INSERT VALUES (here)", "t"),
    ("MERGE INTO s USING t ON 1 WHEN NOT MATCHED BY TARGET THEN INSERT VALUES (here)", "t"),
    ("MERGE INTO s USING t ON 1 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET a = here", "s"),
    (
        "MERGE INTO s USING t ON 1 WHEN NOT MATCHED BY SOURCE THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET a = CASE WHEN NOT b THEN here END",
        "s, t",
    ),
    ("MERGE INTO s USING t ON 1 WHEN MATCHED THEN DELETE RETURNING here", "s"),
    ("COPY (SELECT here FROM t) TO 'f'", "t"),
    ("SELECT here", ""),
    ("SELECT FROM here", "here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "clause"), FROM)
def test_nearest_from_clause(text: str, clause: str) -> None:
    assert around(text)[0][0] == clause


NESTED = [
    ("SELECT (SELECT here FROM t) FROM u", [("t", ""), ("u", "")]),
    ("SELECT * FROM (SELECT here FROM t) x, u", [("t", ""), ("(SELECT here FROM t) x, u", "")]),
    ("WITH a AS (FROM t), b AS (FROM a) SELECT here FROM b", [("b", "a, b")]),
    ("WITH a AS (FROM t), b AS (SELECT here FROM a), c AS (FROM b) FROM c", [("a", ""), ("", "a")]),
    ("WITH RECURSIVE a AS (SELECT 1 UNION SELECT here FROM a) FROM a", [("a", ""), ("", "a")]),
    ("WITH a(x) AS NOT MATERIALIZED (FROM t) SELECT here FROM a", [("a", "a")]),
    ("WITH RECURSIVE a(x) USING KEY (x) AS (FROM t) SELECT here FROM a", [("a", "a")]),
    ("INSERT INTO s WITH a AS (FROM t) SELECT here FROM a", [("a", "a")]),
    ("WITH a AS (FROM t) UPDATE s SET x = here FROM a", [("s, a", "a")]),
    ("WITH a AS (FROM t) SELECT * FROM (WITH b AS (FROM a) SELECT here FROM b)", [
        ("b", "b"),
        ("(WITH b AS (FROM a) SELECT here FROM b)", "a"),
    ]),
    ("SELECT here FROM unnest([1]) WITH ORDINALITY AS r", [("unnest([1]) WITH ORDINALITY AS r", "")]),
    ("WITH x AS (INSERT INTO s SELECT here FROM t RETURNING a) FROM x", [("t", ""), ("", "")]),
    ("SELECT (update + here) FROM t", [("t", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NESTED)
def test_blocks_from_the_inside_out(text: str, expected: list[tuple[str, str]]) -> None:
    assert around(text) == expected
