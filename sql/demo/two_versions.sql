-- two versions by their aliases, on the flights of December
SELECT
    avg((PREDICT('late@champion', *) = late)::INT) AS champion_accuracy,
    avg((PREDICT('late@challenger', *) = late)::INT) AS challenger_accuracy,
    avg((PREDICT('late@champion', *) = PREDICT('late@challenger', *))::INT) AS agree
FROM flight_features
WHERE month = 12 AND late IS NOT NULL
