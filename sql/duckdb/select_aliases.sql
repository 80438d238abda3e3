SELECT alias, version
FROM (
    SELECT alias, arg_max_null(version, position) AS version
    FROM registry_alias_change
    WHERE name = $1
    GROUP BY alias
)
WHERE version IS NOT NULL
ORDER BY alias
