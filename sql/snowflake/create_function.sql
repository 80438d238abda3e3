CREATE {secure}FUNCTION IF NOT EXISTS {function}({arguments})
RETURNS {result}
LANGUAGE PYTHON
CALLED ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = {runtime}
COMMENT = {comment}
IMPORTS = ({imports})
PACKAGES = ({packages})
{artifact_repository}{resource_constraint}HANDLER = {handler}
