SELECT k.value::VARCHAR AS "explain_key", v.value::VARCHAR AS "explain_value"
FROM TABLE(FLATTEN(input => PARSE_JSON(?))) AS k
JOIN TABLE(FLATTEN(input => PARSE_JSON(?))) AS v ON v.index = k.index
ORDER BY k.index
