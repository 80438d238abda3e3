-- The rows of a proof are bound as one JSON text: a list of texts for each row, so that no digit is lost.
SELECT {function}({arguments}) AS score
FROM TABLE(FLATTEN(input => PARSE_JSON(?))) AS r
ORDER BY r.index
