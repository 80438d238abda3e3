GRANT USAGE ON SCHEMA shop.warehouse_ml TO ROLE "Data Analysts";
GRANT SERVICE ROLE shop.warehouse_ml.scorer!all_endpoints_usage TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_churn_v3_33333333_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_churn_v3_33333333_proba_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_churn_v3_33333333_try_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_price_v1_11111111_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_price_v1_11111111_try_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_iris_v2_22222222_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_iris_v2_22222222_proba_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_iris_v2_22222222_try_gpu(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_wide_v5_55555555_gpu(OBJECT) TO ROLE "Data Analysts";
GRANT USAGE ON FUNCTION shop.warehouse_ml.wml_wide_v5_55555555_try_gpu(OBJECT) TO ROLE "Data Analysts"
