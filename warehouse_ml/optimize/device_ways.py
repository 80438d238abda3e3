"""What a session's GPU would run for a version, as far as its plan tells."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize.knowledge import Knowledge

STAYS = "its rows come as they are: "
"""What `gather_batches` says where it does nothing, before the reason."""


@dataclass(frozen=True, slots=True)
class DeviceWay:
    """What a GPU runs.

    Attributes:
        device: The device.
        name: `tensors`, `graph` or `onnxruntime`; see `PlanFacts.operators`.
        operators: How many operators that are.
    """

    device: str
    name: str
    operators: int

    def __str__(self) -> str:
        return f"{self.device}, {self.name} of {self.operators:,} operators"


def device_way(version: ModelVersion, knowledge: Knowledge) -> DeviceWay | str:
    """What the GPU runs for a version, or why it runs nothing, in words."""
    facts = knowledge.plan(version)
    if facts is None:
        return "the version has no plan, register it again to have one made"
    for name, operators in facts.operators.items():
        return DeviceWay(knowledge.device, name, operators)
    return facts.others.get("tensors", "its plan knows of no GPU, register it again")
