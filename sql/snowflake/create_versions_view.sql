CREATE VIEW IF NOT EXISTS {schema}.versions AS
WITH alias_now AS (
    SELECT name, alias, version
    FROM {schema}.registry_alias_change
    QUALIFY ROW_NUMBER() OVER (PARTITION BY name, alias ORDER BY position DESC) = 1
),
alias_list AS (
    SELECT name, version, ARRAY_AGG(alias) WITHIN GROUP (ORDER BY alias) AS aliases
    FROM alias_now
    WHERE version IS NOT NULL
    GROUP BY name, version
),
feature_list AS (
    SELECT v.name, v.version, ARRAY_AGG(f.value:name::VARCHAR) WITHIN GROUP (ORDER BY f.index) AS features
    FROM {schema}.registry_version AS v, LATERAL FLATTEN(input => PARSE_JSON(v.signature):features) AS f
    GROUP BY v.name, v.version
)
SELECT
    v.name,
    v.version,
    PARSE_JSON(v.signature):task::VARCHAR AS task,
    COALESCE(a.aliases, ARRAY_CONSTRUCT()) AS aliases,
    f.features,
    PARSE_JSON(v.metrics) AS metrics,
    PARSE_JSON(v.parity) AS parity,
    PARSE_JSON(v.lineage) AS lineage,
    PARSE_JSON(v.tags) AS tags,
    v.comment,
    v.created_at,
    v.created_by,
    v.sha256,
    v.size,
    'wml_' || v.name || '_v' || v.version || '_' || LEFT(v.sha256, 8) AS function
FROM {schema}.registry_version AS v
JOIN feature_list AS f ON f.name = v.name AND f.version = v.version
LEFT JOIN alias_list AS a ON a.name = v.name AND a.version = v.version
WHERE v.dropped_at IS NULL
