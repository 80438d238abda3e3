SELECT sha256, tags, comment FROM {schema}.registry_version WHERE name = ? AND version = ? AND dropped_at IS NULL
