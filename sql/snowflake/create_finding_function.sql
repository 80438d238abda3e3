CREATE OR REPLACE FUNCTION {schema}.find_feature(features OBJECT, name VARCHAR)
COPY GRANTS
RETURNS VARIANT
LANGUAGE SQL
COMMENT = {comment}
AS $$
COALESCE(GET(features, name), GET_IGNORE_CASE(features, UPPER(name)))
$$
