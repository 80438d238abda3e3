SELECT CAST(to_json(r) AS VARCHAR) FROM rows_to_write AS r
