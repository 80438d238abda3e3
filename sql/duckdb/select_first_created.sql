SELECT min(created_at) FROM registry_version WHERE name = $1
