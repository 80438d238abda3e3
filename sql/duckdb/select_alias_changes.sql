SELECT alias, version, changed_at, changed_by FROM registry_alias_change WHERE name = $1 ORDER BY position
