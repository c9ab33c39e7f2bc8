"""MurmurHash2 of 64 bits over bytes, as libstdc++'s std::hash computes it; the other hash function of RING_HASH."""

from __future__ import annotations

SEED = 0xC70F6907
_MULTIPLIER = 0xC6A4A7935BD1E995
_MASK = (1 << 64) - 1


def murmur_hash_2(data: bytes, seed: int = SEED) -> int:
    """Whole words of eight bytes, little end first, then what is left."""
    value = seed ^ (len(data) * _MULTIPLIER & _MASK)
    whole = len(data) & ~7
    for start in range(0, whole, 8):
        word = int.from_bytes(data[start : start + 8], "little") * _MULTIPLIER & _MASK
        value = (value ^ (_mixed(word) * _MULTIPLIER & _MASK)) * _MULTIPLIER & _MASK
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    return _mixed(_mixed(value) * _MULTIPLIER & _MASK)


def _mixed(value: int) -> int:
    return value ^ (value >> 47)
