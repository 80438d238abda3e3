CREATE FUNCTION IF NOT EXISTS warehouse_ml.wml_churn_v3_1a2b3c4d(feature_0 FLOAT)
RETURNS FLOAT
LANGUAGE PYTHON
CALLED ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = '3.12'
COMMENT = 'churn@3 predict, SHA-256 1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d'
IMPORTS = ('@warehouse_ml.artifacts/models/churn/3/1a2b3c4d1a2b3c4d/model.onnx', '@warehouse_ml.artifacts/models/churn/3/1a2b3c4d1a2b3c4d/deployment.json', '@warehouse_ml.artifacts/handlers/<digest of the handlers>/snowflake_udf.py', '@warehouse_ml.artifacts/handlers/<digest of the handlers>/onnx_udf.py', '@warehouse_ml.artifacts/handlers/<digest of the handlers>/text_analysis.py')
PACKAGES = ('onnxruntime==1.23.0', 'numpy==2.3.1', 'pandas==2.3.3')
ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
HANDLER = 'snowflake_udf.predict'
