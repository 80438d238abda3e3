GRANT USAGE ON SCHEMA "SALES".warehouse_ml TO ROLE "the analysts' ""own""";
GRANT READ ON STAGE "SALES".warehouse_ml.artifacts TO ROLE "the analysts' ""own""";
GRANT SELECT ON ALL TABLES IN SCHEMA "SALES".warehouse_ml TO ROLE "the analysts' ""own""";
GRANT SELECT ON ALL VIEWS IN SCHEMA "SALES".warehouse_ml TO ROLE "the analysts' ""own""";
GRANT USAGE ON FUNCTION "SALES".warehouse_ml.wml_churn_v3_1a2b3c4d(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "the analysts' ""own""";
GRANT USAGE ON FUNCTION "SALES".warehouse_ml.wml_churn_v3_1a2b3c4d_try(FLOAT, NUMBER, BOOLEAN, VARCHAR, TIMESTAMP_NTZ) TO ROLE "the analysts' ""own"""
