CREATE VIEW IF NOT EXISTS versions AS
WITH alias_now AS (
    SELECT name, alias, arg_max_null(version, position) AS version
    FROM registry_alias_change
    GROUP BY name, alias
),
alias_list AS (
    SELECT name, version, list(alias ORDER BY alias) AS aliases
    FROM alias_now
    WHERE version IS NOT NULL
    GROUP BY name, version
)
SELECT
    v.name,
    v.version,
    v.signature ->> '$.task' AS task,
    coalesce(a.aliases, []::VARCHAR[]) AS aliases,
    json_extract_string(v.signature, '$.features[*].name') AS features,
    CAST(v.metrics AS JSON) AS metrics,
    CAST(v.parity AS JSON) AS parity,
    CAST(v.lineage AS JSON) AS lineage,
    CAST(CAST(v.tags AS JSON) AS MAP(VARCHAR, VARCHAR)) AS tags,
    v.comment,
    v.created_at,
    v.created_by,
    v.sha256,
    v.size,
    'wml_' || v.name || '_v' || v.version || '_' || v.sha256[:8] AS function
FROM registry_version AS v
LEFT JOIN alias_list AS a ON a.name = v.name AND a.version = v.version
WHERE v.dropped_at IS NULL
