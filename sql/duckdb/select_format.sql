SELECT max(format_version) FROM registry_format
