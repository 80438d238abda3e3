-- the routes that one should rather not book
SELECT
    origin || ' to ' || dest AS route,
    count(*) AS flights,
    round(100 * avg(PREDICT_PROBA('late', *))) AS risk_percent,
    round(100 * avg(late::INT)) AS late_percent
FROM flight_features
GROUP BY origin, dest
HAVING count(*) > 300
ORDER BY avg(PREDICT_PROBA('late', *)) DESC
LIMIT 5
