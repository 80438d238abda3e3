SELECT proof FROM registry_version WHERE name = $1 AND version = $2
