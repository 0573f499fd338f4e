"""The connection to a Ray cluster, and what machines it has."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    try:
        with _silence():
            ray.init(**own, log_to_driver=False, configure_logging=False)
        # It would tell stdout, where results belong, of machines that vanish, and has no option for that.
        ray._private.worker.print_to_stdstream = lambda *arguments, **options: None
    except (ConnectionError, RuntimeError, ValueError, ImportError, RayError) as error:
        why = str(error).strip().partition("\n")[0]
        to_do = "Check the address, and RAY_AUTH_MODE=token if it asks for one; ray status tells more"
        raise VidcolorError(f"cannot reach Ray at {address}", why, to_do) from error
    return True


@contextmanager
def _silence() -> Iterator[None]:
    """Let nothing be written to stderr, as Ray's library does past Python: what matters comes as exceptions."""
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)


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
