"""The command line of the agent: flags in, one line for each thing that a person can correct."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Sequence

MAX_NODES = 2000
"""More would not fit into the one message that holds them all."""
MAX_GPUS = 64


class WrongUsage(Exception):
    """A flag cannot be used; the message says which and why."""


def simulate(
    say: Callable[[str], None],
    *,
    cluster: str,
    client_secret: str | None,
    url: str,
    nodes: int,
    gpus_per_node: int,
    labels: Sequence[str],
    allocations: Sequence[str] = (),
) -> None:
    """Run a simulated agent. Raises WrongUsage, and what `agent.simulate.run` raises."""
    secret = client_secret or os.environ.get("RUNPLANE_AGENT_SECRET", "")
    if not secret:
        raise WrongUsage("Give --client-secret, or set RUNPLANE_AGENT_SECRET.")
    try:
        cluster = str(uuid.UUID(cluster))
    except ValueError:
        raise WrongUsage("--cluster must be the uuid of a cluster.") from None
    if not 0 <= nodes <= MAX_NODES or not 0 <= gpus_per_node <= MAX_GPUS:
        raise WrongUsage(f"--nodes must be 0 to {MAX_NODES}, --gpus-per-node 0 to {MAX_GPUS}.")
    pairs = [label.partition("=") for label in labels]
    if not all(separator and key for key, separator, _ in pairs):
        raise WrongUsage("--label must be KEY=VALUE.")
    from runplane.agent.simulate import Allocation, Simulation, run  # noqa: PLC0415 - --help must not wait

    shares = [_allocation(it) for it in allocations]
    if len({it[:2] for it in shares}) != len(shares):
        raise WrongUsage("--allocation must name each project and node pool once.")
    simulation = Simulation(
        cluster,
        secret,
        url,
        nodes,
        gpus_per_node,
        {key: value for key, _, value in pairs},
        [Allocation(*it) for it in shares] if shares else None,
    )
    run(simulation, say, time.sleep)


def _allocation(text: str) -> tuple[str, str, float]:
    """Project, node pool and GPUs of PROJECT[/POOL]=GPUS. Raises WrongUsage."""
    place, separator, amount = text.rpartition("=")
    project, _, pool = place.partition("/")
    try:
        gpus = float(amount)
    except ValueError:
        gpus = -1.0
    if not separator or not project or not 0 <= gpus <= MAX_NODES * MAX_GPUS:
        raise WrongUsage("--allocation must be PROJECT=GPUS or PROJECT/POOL=GPUS, such as team-a=4.")
    return project, pool or "default", gpus
