INSERT INTO registry_model VALUES ($1, $2, $2, NULL, 0)
