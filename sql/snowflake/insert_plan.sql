INSERT INTO {schema}.registry_plan (name, version, facts, facts_sha256, sha256, plan, plan_sha256, plan_size)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
