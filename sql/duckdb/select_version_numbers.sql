SELECT version FROM registry_version WHERE name = $1 AND dropped_at IS NULL ORDER BY version
