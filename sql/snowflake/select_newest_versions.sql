SELECT
    v.name, v.version, v.sha256, v.signature, v.metrics, v.parity, v.lineage, v.tags, v.comment, v.created_at, v.created_by, v.size,
    v.dropped_at
FROM {schema}.registry_model AS m
JOIN {schema}.registry_version AS v ON v.name = m.name AND v.version = m.newest_version
ORDER BY v.name
