UPDATE {schema}.registry_model
SET default_version = ?, alias_changes = ?
WHERE name = ? AND alias_changes = ?
