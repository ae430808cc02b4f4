"""Questions about nodes; the nodes themselves are in organization.inventory.wire: two rooms show them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from runplane.server.http.operation import Wire
from runplane.server.organization.series import TelemetryOut

NODE_METRICS: Final = (
    "GPU_UTILIZATION_PER_GPU", "GPU_UTILIZATION", "GPU_MEMORY_UTILIZATION_PER_GPU", "GPU_MEMORY_UTILIZATION",
    "GPU_MEMORY_USAGE_BYTES_PER_GPU", "GPU_MEMORY_USAGE_BYTES", "GPU_ALLOCATION_PER_GPU",
    "GPU_MEMORY_ALLOCATION_BYTES_PER_GPU", "GPU_IDLE_TIME_SECONDS_PER_GPU", "CPU_USAGE_CORES",
    "CPU_UTILIZATION", "CPU_MEMORY_USAGE_BYTES", "CPU_MEMORY_UTILIZATION", "GPU_OOMKILL_BURST_COUNT_PER_GPU",
    "GPU_OOMKILL_IDLE_COUNT_PER_GPU", "GPU_OOMKILL_SWAP_OUT_OF_RAM_COUNT_PER_GPU",
    "GPU_GRAPHICS_ENGINE_ACTIVITY_PER_GPU", "GPU_SM_ACTIVITY_PER_GPU", "GPU_SM_OCCUPANCY_PER_GPU",
    "GPU_TENSOR_ACTIVITY_PER_GPU", "GPU_FP64_ENGINE_ACTIVITY_PER_GPU", "GPU_FP32_ENGINE_ACTIVITY_PER_GPU",
    "GPU_FP16_ENGINE_ACTIVITY_PER_GPU", "GPU_MEMORY_BANDWIDTH_UTILIZATION_PER_GPU",
    "GPU_NVLINK_TRANSMITTED_BANDWIDTH_PER_GPU", "GPU_NVLINK_RECEIVED_BANDWIDTH_PER_GPU",
    "GPU_PCIE_TRANSMITTED_BANDWIDTH_PER_GPU", "GPU_PCIE_RECEIVED_BANDWIDTH_PER_GPU", "NVLINK_BANDWIDTH_TOTAL",
    "NVLINK_BANDWIDTH_TOTAL_PER_GPU",
)  # fmt: skip
"""The series of a node (contract, appendix A)."""


class NodeTelemetryQuery(Wire):
    """What to add up, over which nodes, and by which groups: at most two names with a comma between."""

    telemetry_type: str
    cluster_id: str | None = None
    nodepool_name: str | None = None
    group_by: str | None = None


def telemetry_csv(answer: TelemetryOut, groups: Sequence[str]) -> bytes:
    """Telemetry as a file: a column for each group, then type, time and value."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*groups, "type", "timestamp", "value"))
    for it in answer.values:
        writer.writerow((*(group.value for group in it.groups), answer.type, answer.timestamp, it.value))
    return text.getvalue().encode()
