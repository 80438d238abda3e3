UPDATE registry_version SET comment = $3 WHERE name = $1 AND version = $2
