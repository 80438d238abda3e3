SELECT version FROM {schema}.registry_version WHERE name = ? AND dropped_at IS NULL ORDER BY version
