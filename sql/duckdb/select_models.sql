SELECT
    name AS model,
    default_version AS "default",
    newest_version AS newest,
    versions,
    task,
    CAST(updated_at AS DATE) AS created,
    comment
FROM warehouse_ml.models
ORDER BY name
