SELECT sha256, tags, comment FROM registry_version WHERE name = $1 AND version = $2 AND dropped_at IS NULL
