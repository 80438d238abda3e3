-- The newest of the versions that were there at a moment, also where it was dropped since.
SELECT MAX(version)
FROM {schema}.registry_version
WHERE name = ? AND created_at <= ? AND (dropped_at IS NULL OR dropped_at > ?)
