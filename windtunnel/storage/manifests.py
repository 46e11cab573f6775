"""`manifest.json` on disk: sealed by a checksum when it is written, and looked at when it is read.

What is in it decides how a run is judged, and anyone may have written it: nothing in it may bring a reader down.
"""

from __future__ import annotations

import re
from pathlib import Path
from zlib import crc32

import msgspec

from windtunnel.errors import EvidenceError
from windtunnel.model.manifest import RECORD_VERSION, Manifest
from windtunnel.model.metric import METRICS
from windtunnel.model.record import MOST
from windtunnel.model.threshold import Threshold
from windtunnel.storage.files import open_regular, read_json

_SEAL = b',\n  "checksum": "%s"\n}'
_SEALED = re.compile(rb'(.*),\n  "checksum": "([0-9a-f]{8})"\n\}', re.DOTALL)

LARGEST_LIMIT = 1e18
SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 1e-3, 1e9


def manifest_text(manifest: Manifest) -> bytes:
    """The content of `manifest.json`; its last field is the CRC-32 of every byte before that field."""
    bare = msgspec.json.format(msgspec.json.encode(manifest)).removesuffix(b"\n}")
    return bare + _SEAL % f"{crc32(bare):08x}".encode()


def read_manifest(path: Path) -> Manifest:
    """What ran. Raises EvidenceError when it is missing, damaged, of a newer version, or can't be judged by."""
    manifest = read_json(path, Manifest, what="manifest", version=RECORD_VERSION)
    if objection := _objection(manifest):
        raise EvidenceError(f"{path} is not the manifest of a run: {objection}")
    return manifest


def manifest_damage(path: Path) -> str | None:
    """That a manifest is not as it was written, or None."""
    try:
        with open_regular(path) as file:
            found = _SEALED.fullmatch(file.read())
    except OSError:
        found = None
    if found and f"{crc32(found[1]):08x}".encode() == found[2]:
        return None
    return f"{path.name} was changed after it was written: its checksum is another"


def _objection(manifest: Manifest) -> str | None:
    if manifest.segments % manifest.shards:
        return f"{manifest.segments} record files can't be those of {manifest.shards} shards"
    number, _, of = manifest.shard.partition("/")
    if manifest.shard and int(number) > int(of):
        return f'there is no shard "{manifest.shard}"'
    return next((said for each in manifest.thresholds if (said := _objection_to(each))), None)


def _objection_to(threshold: Threshold) -> str | None:
    """Why a threshold can't be judged; what the plan had when it was loaded can."""
    metric = METRICS.get(threshold.metric)
    named = f"the threshold {threshold.selector[:80]!r}"
    if metric is None:
        return f"{named} is of no metric"
    percentile = threshold.percentile
    if threshold.aggregate not in metric.aggregates or (threshold.aggregate == "p") != (percentile is not None):
        return f"{named} has no {threshold.aggregate}"
    numbers = (threshold.limit, threshold.baseline_times or 0.0, threshold.baseline_plus, threshold.after_s)
    if (
        any(abs(each) > LARGEST_LIMIT for each in numbers)
        or not 0 <= (percentile or 0) <= 100
        or not 0 <= (threshold.min_samples or 0) <= MOST
        or not SHORTEST_WINDOW_S <= (threshold.within_s or 1.0) <= LONGEST_WINDOW_S
        or threshold.within_s == 0
    ):
        return f"{named} has a number that no plan can have"
    return None
