-- every flight of the year, scored in a join
SELECT
    count(*) AS flights,
    avg(PREDICT_PROBA('late', x.*)) AS expected_late,
    avg(x.late::INT) AS were_late,
    sum(PREDICT('delay', x.*)) / 60 AS expected_hours
FROM flight_features AS x
JOIN airports AS a ON a.faa = x.origin
