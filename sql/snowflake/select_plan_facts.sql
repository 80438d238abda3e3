SELECT facts, facts_sha256 FROM {schema}.registry_plan WHERE name = ? AND version = ?
