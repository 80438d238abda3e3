SELECT * EXCLUDE (flight_id, late, arr_delay) FROM flight_features
