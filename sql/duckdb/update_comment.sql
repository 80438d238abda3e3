UPDATE registry_version SET comment = $1 WHERE name = $2 AND version = $3
