INSERT INTO registry_model VALUES ($1, 1, 1, NULL, 0)
