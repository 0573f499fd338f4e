"""The connection to a Ray cluster, and what machines it has."""

from __future__ import annotations

import logging
import re
import socket

import ray
from ray.exceptions import RayError

from vidcolor.errors import VidcolorError

REACH = 5.0  # seconds after which an address that does not answer is given up
MOST_CORES = 4  # that a worker takes when nothing is said: with more, decoder, network and encoder leave some idle


def connect(address: str) -> bool:
    """Connect this process to a cluster; return whether it has to be left again.

    Args:
        address: As Ray takes it; "auto" is the cluster that this machine belongs to, or else one of this machine alone.

    Raises:
        VidcolorError: nobody answers there, or it has other versions.
    """
    if ray.is_initialized():
        return False
    if found := re.fullmatch(r"(?:ray://)?(\[[^]]+\]|[^:/]+):(\d+)", address):
        try:
            socket.create_connection((found[1].strip("[]"), int(found[2])), REACH).close()
        except OSError as error:
            why = f"nobody answers there ({error.strerror or error})"
            raise VidcolorError(
                f"cannot reach Ray at {address}", why, "Check the address; ray status shows it"
            ) from error
    own = {} if address == "auto" else {"address": address}
    log = logging.getLogger("ray")  # what matters comes as exceptions
    log.addHandler(logging.NullHandler())
    log.propagate = False
    try:
        ray.init(**own, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, ImportError, RayError) as error:
        why = str(error).strip().partition("\n")[0]
        raise VidcolorError(f"cannot reach Ray at {address}", why, "Check the address; ray status shows it") from error
    return True


def leave() -> None:
    """Leave the cluster; one of this machine alone ends."""
    ray.shutdown()


def has_gpus() -> bool:
    """Return whether some machine of the cluster has a GPU."""
    return any(node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"])


def usual_cores() -> int:
    """Return how many cores a worker takes when nothing is said: so many that each machine has room for one."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min([MOST_CORES, *(cores for cores in machines if cores)]))
