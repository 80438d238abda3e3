INSERT INTO registry_plan (name, version, facts, facts_sha256, sha256, plan) VALUES ($1, $2, $3, $4, $5, $6)
