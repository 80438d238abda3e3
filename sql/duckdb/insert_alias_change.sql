INSERT INTO registry_alias_change VALUES ($1, $2, $3, $4, $5, $6)
