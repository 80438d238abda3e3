DELETE FROM {schema}.registry_plan WHERE name = ? AND version = ?
