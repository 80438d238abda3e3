-- No row where the alias had not been set yet; NULL where it was removed.
SELECT version
FROM {schema}.registry_alias_change
WHERE name = ? AND alias = ? AND changed_at <= ?
ORDER BY position DESC
LIMIT 1
