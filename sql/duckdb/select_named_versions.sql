SELECT
    m.newest_version, m.default_version,
    v.name, v.version, v.sha256, v.signature, v.metrics, v.parity, v.lineage, v.tags, v.comment, v.created_at,
    v.created_by, v.size, v.dropped_at
FROM registry_model AS m
JOIN registry_version AS v ON v.name = m.name
WHERE m.name = ANY($1)
    AND (v.version IN (m.newest_version, m.default_version) OR v.version = ANY($2))
    AND v.dropped_at IS NULL
