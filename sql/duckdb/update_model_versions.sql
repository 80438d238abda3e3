UPDATE registry_model SET last_version = $2, newest_version = $3 WHERE name = $1
