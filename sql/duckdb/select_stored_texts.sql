-- Everything that is stored as text and can call a function.
SELECT sql FROM duckdb_views() WHERE NOT internal AND sql ILIKE '%wml!_%' ESCAPE '!'
UNION ALL
SELECT sql FROM duckdb_tables() WHERE NOT internal AND sql ILIKE '%wml!_%' ESCAPE '!'
UNION ALL
SELECT macro_definition FROM duckdb_functions()
WHERE NOT internal AND macro_definition ILIKE '%wml!_%' ESCAPE '!'
