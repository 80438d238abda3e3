-- The other databases of the connection that hold a registry.
SELECT DISTINCT database_name FROM duckdb_schemas()
WHERE schema_name = $1 AND database_name <> $2
ORDER BY database_name
