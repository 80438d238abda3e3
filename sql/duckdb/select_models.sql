SELECT
    name AS model,
    default_version AS "default",
    newest_version AS newest,
    versions,
    task,
    strftime(updated_at, '%Y-%m-%d %H:%M') AS created,
    comment
FROM warehouse_ml.models
ORDER BY name
