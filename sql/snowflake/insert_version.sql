INSERT INTO {schema}.registry_version (
    name, version, sha256, size, signature, metrics, parity, lineage, tags, comment, created_at, created_by,
    onnx, onnx_sha256, onnx_size, proof, proof_sha256, proof_size
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
