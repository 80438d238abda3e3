UPDATE {schema}.registry_version
SET dropped_at = ?, onnx = NULL, onnx_sha256 = NULL, onnx_size = NULL, proof = NULL, proof_sha256 = NULL, proof_size = NULL
WHERE name = ? AND version = ?
