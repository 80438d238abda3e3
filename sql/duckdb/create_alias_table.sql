-- Rows are only ever added; one without a version says that the alias was removed.
CREATE TABLE IF NOT EXISTS registry_alias_change (
    name VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    alias VARCHAR NOT NULL,
    version INTEGER,
    changed_at TIMESTAMP NOT NULL,
    changed_by VARCHAR NOT NULL,
    PRIMARY KEY (name, position)
)
