CREATE OR REPLACE SECURE FUNCTION "SALES".warehouse_ml.wml_churn_v3_1a2b3c4d(feature_0 FLOAT, feature_1 VARCHAR, feature_2 NUMBER(38,0), feature_3 BOOLEAN)
COPY GRANTS
RETURNS VARCHAR
LANGUAGE PYTHON
CALLED ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = '3.12'
COMMENT = 'churn@3 predict, SHA-256 1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d'
IMPORTS = ('@"SALES".warehouse_ml.artifacts/models/churn/3/1a2b3c4d1a2b3c4d/model.onnx', '@"SALES".warehouse_ml.artifacts/models/churn/3/1a2b3c4d1a2b3c4d/deployment.json', '@"SALES".warehouse_ml.artifacts/handlers/<digest of the handlers>/snowflake_udf.py', '@"SALES".warehouse_ml.artifacts/handlers/<digest of the handlers>/onnx_udf.py', '@"SALES".warehouse_ml.artifacts/handlers/<digest of the handlers>/text_analysis.py')
PACKAGES = ('onnxruntime==1.23.0', 'numpy==2.3.1', 'pandas==2.3.3')
RESOURCE_CONSTRAINT = (architecture = 'x86')
HANDLER = 'snowflake_udf.predict'
