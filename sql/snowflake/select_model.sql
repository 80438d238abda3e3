SELECT last_version, newest_version, default_version, alias_changes
FROM {schema}.registry_model
WHERE name = ?
