DROP FUNCTION IF EXISTS warehouse_ml.wml_churn_v3_1a2b3c4d(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ);
DROP FUNCTION IF EXISTS warehouse_ml.wml_churn_v3_1a2b3c4d_try(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ);
REMOVE @warehouse_ml.artifacts/models/churn/3/
