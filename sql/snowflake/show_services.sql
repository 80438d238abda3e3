SHOW SERVICES LIKE {pattern} IN SCHEMA {schema}
