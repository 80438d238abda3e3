-- Rows are only ever added; one without a version says that the alias was removed.
CREATE TABLE IF NOT EXISTS {schema}.registry_alias_change (
    name VARCHAR NOT NULL,
    position NUMBER(38, 0) NOT NULL,
    alias VARCHAR NOT NULL,
    version NUMBER(38, 0),
    changed_at TIMESTAMP_NTZ NOT NULL,
    changed_by VARCHAR NOT NULL,
    PRIMARY KEY (name, position)
)
