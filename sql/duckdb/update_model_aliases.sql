-- No row is changed where another writer has changed the model since it was read.
UPDATE registry_model SET default_version = $1, alias_changes = $2 WHERE name = $3 AND alias_changes = $4
