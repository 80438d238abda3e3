INSERT INTO registry_version
    (name, version, sha256, size, signature, metrics, parity, lineage, tags, comment, created_at, created_by, onnx, proof)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
