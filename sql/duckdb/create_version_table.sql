-- A dropped version keeps its row without its bytes, so that history can still name it.
CREATE TABLE IF NOT EXISTS registry_version (
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    sha256 VARCHAR NOT NULL,
    size BIGINT NOT NULL,
    signature VARCHAR NOT NULL,
    metrics VARCHAR NOT NULL,
    parity VARCHAR NOT NULL,
    lineage VARCHAR NOT NULL,
    tags VARCHAR NOT NULL,
    comment VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    created_by VARCHAR NOT NULL,
    dropped_at TIMESTAMP,
    onnx BLOB,
    proof BLOB,
    PRIMARY KEY (name, version)
)
