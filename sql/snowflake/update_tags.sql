UPDATE {schema}.registry_version SET tags = ? WHERE name = ? AND version = ?
