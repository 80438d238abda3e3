"""SQL-native machine learning inside the warehouse.

rows + estimator --train--> fitted --export--> ONNX + Signature --parity gate--> registry --> ModelVersion
SQL text --parse--> ModelCalls --bind--> resolved calls --optimize--> plan --engine--> rows
"""

from warehouse_ml.compare import Differences, compare
from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.errors import ParityError, WarehouseMLError
from warehouse_ml.model import ModelVersion
from warehouse_ml.result import Result
from warehouse_ml.session import Session, connect
from warehouse_ml.signature import Signature

__all__ = [
    "Deployment",
    "Differences",
    "ModelVersion",
    "ParityError",
    "Result",
    "Session",
    "Signature",
    "WarehouseMLError",
    "compare",
    "connect",
]
__version__ = "0.1.0"
