-- PREDICT in WHERE and in GROUP BY: what the flights that we would warn of have in common
SELECT
    l.name AS airline,
    PREDICT('late', f) AS warned,
    count(*) AS flights,
    round(avg(f.arr_delay), 1) AS minutes_late
FROM flight_features AS f
JOIN airlines AS l USING (carrier)
WHERE PREDICT('delay', f) > 10
GROUP BY l.name, PREDICT('late', f)
ORDER BY flights DESC
LIMIT 6
