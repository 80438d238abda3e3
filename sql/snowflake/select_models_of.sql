SELECT name, last_version, newest_version, default_version, alias_changes
FROM {schema}.registry_model
WHERE name IN (SELECT value::VARCHAR FROM TABLE(FLATTEN(input => PARSE_JSON(?))))
