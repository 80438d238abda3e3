CREATE TABLE IF NOT EXISTS registry_format (format_version INTEGER NOT NULL)
