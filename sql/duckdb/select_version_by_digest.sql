SELECT version FROM registry_version WHERE name = $1 AND sha256 = $2 AND dropped_at IS NULL
