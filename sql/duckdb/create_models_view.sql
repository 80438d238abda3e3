CREATE VIEW IF NOT EXISTS models AS
SELECT
    m.name,
    m.newest_version,
    coalesce(m.default_version, m.newest_version) AS default_version,
    count(*) AS versions,
    arg_max(v.signature ->> '$.task', v.version) AS task,
    min(v.created_at) AS created_at,
    max(v.created_at) AS updated_at,
    arg_max(v.comment, v.version) AS comment
FROM registry_model AS m
JOIN registry_version AS v ON v.name = m.name AND v.dropped_at IS NULL
GROUP BY m.name, m.newest_version, m.default_version
