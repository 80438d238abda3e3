SELECT name, last_version, newest_version, default_version, alias_changes FROM registry_model WHERE name = ANY($1)
