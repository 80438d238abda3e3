-- What every alias of every model points to; a model without the alias default follows its newest version.
SELECT name, 'default' AS alias, newest_version AS version
FROM registry_model
WHERE newest_version IS NOT NULL AND default_version IS NULL
UNION ALL
SELECT name, alias, version
FROM (
    SELECT name, alias, arg_max_null(version, position) AS version
    FROM registry_alias_change
    GROUP BY name, alias
)
WHERE version IS NOT NULL
ORDER BY 1, 2
