SELECT MAX(version)
FROM (
    SELECT version
    FROM {schema}.registry_alias_change
    WHERE name = ? AND alias = ?
    ORDER BY position DESC
    LIMIT 1
)
