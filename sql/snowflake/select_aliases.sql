SELECT alias, version
FROM (
    SELECT alias, version
    FROM {schema}.registry_alias_change
    WHERE name = ?
    QUALIFY ROW_NUMBER() OVER (PARTITION BY alias ORDER BY position DESC) = 1
)
WHERE version IS NOT NULL
ORDER BY alias
