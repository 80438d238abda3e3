UPDATE registry_version SET tags = $1 WHERE name = $2 AND version = $3
