UPDATE registry_version SET tags = $3 WHERE name = $1 AND version = $2
