SELECT alias, version, changed_at, changed_by
FROM {schema}.registry_alias_change
WHERE name = ?
ORDER BY position
