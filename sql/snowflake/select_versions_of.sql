SELECT
    name, version, sha256, signature, metrics, parity, lineage, tags, comment, created_at, created_by, size,
    dropped_at
FROM {schema}.registry_version
WHERE name IN (SELECT value::VARCHAR FROM TABLE(FLATTEN(input => PARSE_JSON(?))))
    AND version IN (SELECT value::NUMBER(38, 0) FROM TABLE(FLATTEN(input => PARSE_JSON(?))))
    AND dropped_at IS NULL
