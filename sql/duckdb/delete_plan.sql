DELETE FROM registry_plan WHERE name = $1 AND version = $2
