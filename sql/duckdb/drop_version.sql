UPDATE registry_version SET dropped_at = $3, onnx = NULL, proof = NULL WHERE name = $1 AND version = $2
