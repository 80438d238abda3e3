ALTER SERVICE warehouse_ml.scorer SUSPEND
