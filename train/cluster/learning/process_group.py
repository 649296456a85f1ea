"""Several learner processes: torch's process group, and reductions over it."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from ....policies.embedding import Moments
from ...algorithms.learner_group import LearnerGroup, Spread

FOREVER = timedelta(days=365)
"""Learners wait for each other without limit; the process that started them has the timeout."""
SIOCGIFADDR = 0x8915
"""Linux: the address of a network interface (netdevice(7))."""


@dataclass(frozen=True)
class Meeting:
    """The rendezvous of the learners of a run."""

    host: str
    """Address of the machine of learner 0."""
    port: int
    rank: int
    count: int


class ProcessGroup(LearnerGroup):
    """Learners of torch's process group; sums have the same bits in each, and so have weights."""

    def __init__(
        self, meeting: Meeting, listener: socket.socket | None, device: str, backend: str
    ) -> None:
        """Blocks until all have come.

        listener: of learner 0, on the meeting's port. device: of the tensors. backend: gloo, or
        nccl, which wants a GPU for each learner.
        """
        self.rank, self.count, self._device = meeting.rank, meeting.count, device
        if name := interface(own_address(meeting.host, meeting.port)):
            # Otherwise gloo listens where the machine's name leads to.
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        store = dist.TCPStore(
            meeting.host,
            meeting.port,
            meeting.count,
            listener is not None,
            FOREVER,
            # Torch's own listener would be open to every address of the machine.
            master_listen_fd=listener.detach() if listener else None,
        )
        dist.init_process_group(
            backend, store=store, rank=meeting.rank, world_size=meeting.count, timeout=FOREVER
        )

    def wrap(self, module: nn.Module) -> Callable[..., Any]:
        """See `LearnerGroup`."""
        return DistributedDataParallel(module, broadcast_buffers=False)

    def gather(self, count: int) -> list[int]:
        """See `LearnerGroup`."""
        own = torch.tensor([count], device=self._device)
        counts = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(counts, own)
        return [int(value) for value in counts]

    def combine(self, moments: Moments) -> Moments:
        """See `LearnerGroup`."""
        count, mean, variance = moments
        flat = torch.cat((count.view(1), count * mean, count * (variance + mean.square())))
        dist.all_reduce(flat)
        total = flat[0]
        mean, square = (flat[1:] / total).chunk(2)
        return total, mean, (square - mean.square()).clamp_min(0.0)

    def spread(self, values: Tensor) -> Spread:
        """See `LearnerGroup`."""
        flat = values.double().flatten()
        own = (flat.new_tensor(len(flat)), flat.mean().view(1), flat.var(correction=0).view(1))
        count, mean, variance = self.combine(own)
        variance = variance[0] * count / (count - 1)
        spread = (mean[0], variance.sqrt(), variance)
        return Spread(*(value.to(values.dtype) for value in spread))

    def mean(self, values: Tensor, weight: float) -> Tensor:
        """See `LearnerGroup`."""
        sums = values * weight
        dist.all_reduce(sums)
        return sums / self.count


def lost(error: RuntimeError) -> bool:
    """Whether an error of torch means that another process is gone; gloo's have no type."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def listen(host: str) -> socket.socket:
    """A socket on a free port of one address of this machine."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.bind((host, 0))
    listener.listen()
    return listener


def own_address(host: str, port: int) -> str:
    """This machine's address on the way to another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # nothing is sent
        probe.connect((host, port))
        return str(probe.getsockname()[0])


def interface(address: str) -> str:
    """The network interface that has an IPv4 address; empty when none does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with suppress(OSError):  # an interface without an address
                answer = fcntl.ioctl(asked.fileno(), SIOCGIFADDR, request)
                if socket.inet_ntoa(answer[20:24]) == address:
                    return name
    return ""
