INSERT INTO registry_plan (name, version, facts, sha256, plan) VALUES ($1, $2, $3, $4, $5)
