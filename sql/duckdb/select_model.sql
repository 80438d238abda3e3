SELECT last_version, newest_version, default_version, alias_changes FROM registry_model WHERE name = $1
