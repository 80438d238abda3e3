SELECT facts, facts_sha256 FROM registry_plan WHERE name = $1 AND version = $2
