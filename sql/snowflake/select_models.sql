SELECT
    name AS "model",
    default_version AS "default",
    newest_version AS "newest",
    versions AS "versions",
    task AS "task",
    CAST(updated_at AS DATE) AS "created",
    comment AS "comment"
FROM {schema}.models
ORDER BY name
