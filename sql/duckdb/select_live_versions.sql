SELECT
    name, version, sha256, signature, metrics, parity, lineage, tags, comment, created_at, created_by, size,
    dropped_at
FROM registry_version
WHERE dropped_at IS NULL
ORDER BY name, version
