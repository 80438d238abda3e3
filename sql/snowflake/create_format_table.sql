CREATE TABLE IF NOT EXISTS {schema}.registry_format (format_version NUMBER(38, 0) NOT NULL)
