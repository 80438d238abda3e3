-- COPY GRANTS: without it, nobody but the owner could call the function afterwards.
CREATE OR REPLACE {secure}FUNCTION {function}({arguments})
COPY GRANTS
RETURNS {result}
LANGUAGE PYTHON
CALLED ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = {runtime}
COMMENT = {comment}
IMPORTS = ({imports})
PACKAGES = ({packages})
{artifact_repository}{resource_constraint}HANDLER = {handler}
