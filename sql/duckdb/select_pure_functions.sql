-- The builtin scalar functions that give one result for the same arguments, within one query at least.
SELECT DISTINCT lower(function_name)
FROM duckdb_functions()
WHERE internal AND function_type = 'scalar'
  AND function_name NOT IN (
    SELECT function_name FROM duckdb_functions()
    WHERE stability = 'VOLATILE' OR NOT internal OR function_type NOT IN ('scalar', 'macro')
  );
