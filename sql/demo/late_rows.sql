SELECT * EXCLUDE (flight_id, arr_delay) FROM flight_features WHERE late IS NOT NULL
