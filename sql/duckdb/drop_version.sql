UPDATE registry_version SET dropped_at = $1, onnx = NULL, proof = NULL WHERE name = $2 AND version = $3
