-- ABORT: with RETURN_NULL a batch that failed could not be told from rows without a score.
CREATE FUNCTION shop.warehouse_ml.wml_churn_v3_33333333_proba_gpu(feature_0 FLOAT, feature_1 NUMBER(38,0), feature_2 BOOLEAN, feature_3 VARCHAR, feature_4 TIMESTAMP_NTZ)
RETURNS FLOAT
CALLED ON NULL INPUT
IMMUTABLE
SERVICE = shop.warehouse_ml.scorer
ENDPOINT = predict
COMMENT = 'churn@3 predict_proba on cuda, SHA-256 3333333333333333333333333333333333333333333333333333333333333333'
MAX_BATCH_ROWS = 20000
MAX_BATCH_RETRIES = 10
ON_BATCH_FAILURE = ABORT
BATCH_TIMEOUT_SECS = 3600
AS '/churn/3/3333333333333333/predict_proba'
