CREATE OR REPLACE FUNCTION {schema}.read_{kind}(features OBJECT, name VARCHAR, refuse BOOLEAN)
COPY GRANTS
RETURNS {type}
LANGUAGE SQL
COMMENT = {comment}
AS $$
CASE
  WHEN {fits} THEN {cast}
  WHEN NOT refuse OR IS_NULL_VALUE({value}) THEN NULL
  WHEN {value} IS NULL THEN {no_key}
  ELSE {other_type}
END
$$
