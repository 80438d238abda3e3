INSERT INTO registry_format SELECT $1 WHERE NOT EXISTS (FROM registry_format)
