SELECT MIN(created_at) FROM {schema}.registry_version WHERE name = ?
