-- The number of rows is 0 where another writer was faster.
MERGE INTO {schema}.registry_model AS m
USING (SELECT ? AS name, ? AS version) AS n ON m.name = n.name
WHEN NOT MATCHED THEN
    INSERT (name, last_version, newest_version, default_version, alias_changes)
    VALUES (n.name, n.version, n.version, NULL, 0)
