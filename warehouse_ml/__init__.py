"""SQL-native machine learning inside the warehouse.

rows + estimator --train--> fitted --export--> ONNX + Signature --parity gate--> registry --> ModelVersion
SQL text --parse--> tree with ModelCalls --bind--> resolved calls --optimize--> plan --engine--> rows
"""
