INSERT INTO {schema}.registry_format (format_version)
SELECT ? WHERE NOT EXISTS (SELECT 1 FROM {schema}.registry_format)
