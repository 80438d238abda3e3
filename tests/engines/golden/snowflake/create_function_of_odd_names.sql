CREATE FUNCTION IF NOT EXISTS warehouse_ml.wml_select_v3_1a2b3c4d_proba(feature_0 FLOAT, feature_1 VARCHAR, feature_2 NUMBER(38,0), feature_3 BOOLEAN)
RETURNS FLOAT
LANGUAGE PYTHON
CALLED ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = '3.12'
COMMENT = 'select@3 predict_proba, SHA-256 1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d'
IMPORTS = ('@warehouse_ml.artifacts/models/select/3/1a2b3c4d1a2b3c4d/model.onnx', '@warehouse_ml.artifacts/models/select/3/1a2b3c4d1a2b3c4d/deployment.json', '@warehouse_ml.artifacts/handlers/<digest of the handlers>/snowflake_udf.py', '@warehouse_ml.artifacts/handlers/<digest of the handlers>/onnx_udf.py', '@warehouse_ml.artifacts/handlers/<digest of the handlers>/text_analysis.py')
PACKAGES = ('onnxruntime==1.23.0', 'numpy==2.3.1', 'pandas==2.3.3')
ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
HANDLER = 'snowflake_udf.predict_proba'
