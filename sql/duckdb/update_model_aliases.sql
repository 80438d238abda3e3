UPDATE registry_model SET default_version = $2, alias_changes = $3 WHERE name = $1
