-- A model keeps its row, and so its counter, when all its versions are dropped: numbers are never used again.
-- Snowflake does not enforce keys: every change names the state of the row that it has read, and is none if another was faster.
CREATE TABLE IF NOT EXISTS {schema}.registry_model (
    name VARCHAR NOT NULL,
    last_version NUMBER(38, 0) NOT NULL,
    newest_version NUMBER(38, 0),
    default_version NUMBER(38, 0),
    alias_changes NUMBER(38, 0) NOT NULL,
    PRIMARY KEY (name)
)
