-- A model keeps its row, and so its counter, when all its versions are dropped: numbers are never used again.
CREATE TABLE IF NOT EXISTS registry_model (
    name VARCHAR PRIMARY KEY,
    last_version INTEGER NOT NULL,
    newest_version INTEGER,
    default_version INTEGER,
    alias_changes INTEGER NOT NULL
)
