SELECT readonly FROM duckdb_databases() WHERE database_name = $1
