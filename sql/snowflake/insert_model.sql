-- A model without versions, which is not there for anybody; the first one is counted like all others.
-- INSERTs run side by side on Snowflake, and MERGEs of one table one after the other, so that there is one row.
MERGE INTO {schema}.registry_model AS m
USING (SELECT ? AS name) AS n ON m.name = n.name
WHEN NOT MATCHED THEN
    INSERT (name, last_version, newest_version, default_version, alias_changes)
    VALUES (n.name, 0, NULL, NULL, 0)
