INSERT INTO {schema}.registry_alias_change (name, position, alias, version, changed_at, changed_by)
VALUES (?, ?, ?, ?, ?, ?)
