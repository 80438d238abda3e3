SELECT * EXCLUDE (flight_id, late) FROM flight_features WHERE arr_delay IS NOT NULL
