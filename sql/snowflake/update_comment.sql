UPDATE {schema}.registry_version SET comment = ? WHERE name = ? AND version = ?
