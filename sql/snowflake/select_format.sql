SELECT MAX(format_version) FROM {schema}.registry_format
