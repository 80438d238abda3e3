-- The newest of the versions that were there at a moment, also where it was dropped since.
SELECT max(version)
FROM registry_version
WHERE name = $1 AND created_at <= $2 AND (dropped_at IS NULL OR dropped_at > $3)
