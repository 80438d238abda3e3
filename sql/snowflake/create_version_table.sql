-- Bytes are files of the stage: their paths, digests and sizes stand here. A dropped version keeps its row, so that
-- history can still name it.
CREATE TABLE IF NOT EXISTS {schema}.registry_version (
    name VARCHAR NOT NULL,
    version NUMBER(38, 0) NOT NULL,
    sha256 VARCHAR NOT NULL,
    size NUMBER(38, 0) NOT NULL,
    signature VARCHAR NOT NULL,
    metrics VARCHAR NOT NULL,
    parity VARCHAR NOT NULL,
    lineage VARCHAR NOT NULL,
    tags VARCHAR NOT NULL,
    comment VARCHAR NOT NULL,
    created_at TIMESTAMP_NTZ NOT NULL,
    created_by VARCHAR NOT NULL,
    dropped_at TIMESTAMP_NTZ,
    onnx VARCHAR,
    onnx_sha256 VARCHAR,
    onnx_size NUMBER(38, 0),
    proof VARCHAR,
    proof_sha256 VARCHAR,
    proof_size NUMBER(38, 0),
    PRIMARY KEY (name, version)
)
