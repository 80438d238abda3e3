CREATE VIEW IF NOT EXISTS {schema}.models AS
SELECT
    m.name,
    m.newest_version,
    COALESCE(m.default_version, m.newest_version) AS default_version,
    COUNT(*) AS versions,
    MAX_BY(PARSE_JSON(v.signature):task::VARCHAR, v.version) AS task,
    MIN(v.created_at) AS created_at,
    MAX(v.created_at) AS updated_at,
    MAX_BY(v.comment, v.version) AS comment
FROM {schema}.registry_model AS m
JOIN {schema}.registry_version AS v ON v.name = m.name AND v.dropped_at IS NULL
GROUP BY m.name, m.newest_version, m.default_version
