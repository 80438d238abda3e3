SELECT version
FROM {schema}.registry_version
WHERE name = ? AND sha256 = ? AND dropped_at IS NULL
ORDER BY version
