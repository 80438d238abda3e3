UPDATE {schema}.registry_model
SET last_version = ?, newest_version = ?, alias_changes = ?
WHERE name = ? AND last_version = ? AND alias_changes = ?
