PUT 'file:///tmp/it''s \\ here/model.onnx' @"Sales".warehouse_ml.artifacts/models/churn/3/1a2b3c4d1a2b3c4d AUTO_COMPRESS=FALSE OVERWRITE=FALSE
