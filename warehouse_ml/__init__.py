"""SQL-native machine learning inside the warehouse.

rows + estimator --train--> fitted --export--> ONNX + Signature --parity gate--> registry --> ModelVersion
SQL text --parse--> ModelCalls --bind--> resolved calls --optimize--> plan --engine--> rows
"""

from warehouse_ml.errors import ParityError, WarehouseMLError
from warehouse_ml.model import ModelVersion
from warehouse_ml.result import Result
from warehouse_ml.session import Session, connect
from warehouse_ml.signature import Signature

__all__ = ["ModelVersion", "ParityError", "Result", "Session", "Signature", "WarehouseMLError", "connect"]
__version__ = "0.1.0"
