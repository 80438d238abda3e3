SELECT name FROM registry_model WHERE newest_version IS NOT NULL ORDER BY name
