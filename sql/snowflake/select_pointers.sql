-- What every alias of every model points to; a model without the alias default follows its newest version.
SELECT name, 'default' AS alias, newest_version AS version
FROM {schema}.registry_model
WHERE newest_version IS NOT NULL AND default_version IS NULL
UNION ALL
SELECT name, alias, version
FROM (
    SELECT name, alias, version
    FROM {schema}.registry_alias_change
    QUALIFY ROW_NUMBER() OVER (PARTITION BY name, alias ORDER BY position DESC) = 1
)
WHERE version IS NOT NULL
ORDER BY 1, 2
