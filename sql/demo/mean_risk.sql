SELECT avg(PREDICT_PROBA('late', *)) FROM flight_features
