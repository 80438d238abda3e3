CREATE OR REPLACE VIEW flight_features AS
SELECT
    f.flight_id,
    f.carrier,
    f.origin,
    f.dest,
    f.month,
    dayofweek(make_date(f.year, f.month, f.day)) AS weekday,
    f.sched_dep_time // 100 + (f.sched_dep_time % 100) / 60 AS departs,
    f.distance,
    w.temp,
    w.wind_speed,
    w.wind_gust,
    w.precip,
    w.visib,
    p.seats,
    f.year - p.year AS plane_age,
    p.engine,
    f.arr_delay,
    f.arr_delay > 15 AS late
FROM flights AS f
LEFT JOIN weather AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
LEFT JOIN planes AS p ON p.tailnum = f.tailnum
