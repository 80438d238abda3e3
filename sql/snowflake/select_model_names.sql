SELECT name FROM {schema}.registry_model WHERE newest_version IS NOT NULL ORDER BY name
