SELECT plan, plan_sha256, sha256 FROM {schema}.registry_plan WHERE name = ? AND version = ?
