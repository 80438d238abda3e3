SELECT
    name, version, sha256, signature, metrics, parity, lineage, tags, comment, created_at, created_by, size,
    dropped_at
FROM registry_version
WHERE name = ANY($1) AND version = ANY($2) AND dropped_at IS NULL
