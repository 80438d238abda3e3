SELECT arg_max_null(version, position) FROM registry_alias_change WHERE name = $1 AND alias = $2
