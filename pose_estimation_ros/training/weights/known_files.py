"""Name published files by their checksum, as far as their publishers state it."""

from __future__ import annotations

from typing import NamedTuple


class KnownFile(NamedTuple):
    """Describe a file whose checksum is public.

    Attributes:
        name: its name, which ends with the first digits of its sha256 as those of torch.hub do.
        content: what the weights are.
        stated: where the name is published.
    """

    name: str
    content: str
    stated: str

    @property
    def sha256(self) -> str:
        """Return the first digits of the file's sha256, which are in its name."""
        return self.name.rpartition(".")[0].rpartition("-")[2]


KNOWN_FILES = [
    KnownFile("hrnet_w32-36af842e.pth", "HRNet-W32, ImageNet", "README of HRNet-Human-Pose-Estimation"),
    KnownFile("hrnet_w48-8ef0771d.pth", "HRNet-W48, ImageNet", "README of HRNet-Human-Pose-Estimation"),
]


def known_file(sha256: str) -> KnownFile | None:
    """Return the known file of a checksum, None for an unknown one."""
    return next((file for file in KNOWN_FILES if sha256.startswith(file.sha256)), None)
