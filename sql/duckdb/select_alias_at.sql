-- No row where the alias had not been set yet; NULL where it was removed.
SELECT version
FROM registry_alias_change
WHERE name = $1 AND alias = $2 AND changed_at <= $3
ORDER BY position DESC
LIMIT 1
