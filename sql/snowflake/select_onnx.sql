SELECT onnx, onnx_sha256 FROM {schema}.registry_version WHERE name = ? AND version = ?
