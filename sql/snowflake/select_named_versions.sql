SELECT
    m.newest_version, m.default_version,
    v.name, v.version, v.sha256, v.signature, v.metrics, v.parity, v.lineage, v.tags, v.comment, v.created_at,
    v.created_by, v.size, v.dropped_at
FROM {schema}.registry_model AS m
JOIN {schema}.registry_version AS v ON v.name = m.name
WHERE m.name IN (SELECT value::VARCHAR FROM TABLE(FLATTEN(input => PARSE_JSON(?))))
    AND (
        v.version IN (m.newest_version, m.default_version)
        OR v.version IN (SELECT value::NUMBER(38, 0) FROM TABLE(FLATTEN(input => PARSE_JSON(?))))
    )
    AND v.dropped_at IS NULL
