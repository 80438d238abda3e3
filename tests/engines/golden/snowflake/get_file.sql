GET @warehouse_ml.artifacts/models/churn/3/1a2b3c4d1a2b3c4d/model.onnx 'file:///tmp/here/'
