-- No row is changed where another writer has changed the model since it was read.
UPDATE registry_model SET last_version = $1, newest_version = $2, alias_changes = $3
WHERE name = $4 AND last_version = $5 AND alias_changes = $6
