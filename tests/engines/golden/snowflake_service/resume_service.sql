ALTER SERVICE warehouse_ml.scorer RESUME
