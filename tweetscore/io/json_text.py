"""Prepare JSON for polars, so that nothing is lost: bytes enter, bytes leave."""

import re

import numpy as np

# An id written as a float has lost digits: as a string it is not taken for a whole number.
_FLOAT = re.compile(rb'"id(?:_str)?"\s*:\s*-?\d+[.eE]')  # searched in half the time of ``sub``
_FLOAT_ID = re.compile(rb'("id(?:_str)?"\s*:\s*)(-?\d+[.eE][^\s,}]*)')
_BACKSLASH = re.compile(rb"\\\\")  # bytes.replace takes three times as long if there is none
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Half of a surrogate pair, left where a text was cut: polars makes it NUL, or refuses the record.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F]..)"
)
# What R writes for a missing value: an empty object, where there may be a list in other records.
_EMPTY = re.compile(rb'(?<!\\)("\s*:\s*)\{\s*\}')


def repaired(data: bytes) -> bytes:
    """Return JSON that polars reads without loss: of the digits of an id, or of a record."""
    if _SURROGATE.search(data):
        # Without escaped backslashes, every backslash left opens an escape.
        data = _LONE_SURROGATE.sub(rb"\\ufffd", _BACKSLASH.sub(rb"\\u005c", data))
    octets = np.frombuffer(data, np.uint8)
    if np.any((octets[:-1] == ord("{")) & (octets[1:] == ord("}"))):
        data = _EMPTY.sub(rb"\1null", data)
    return _FLOAT_ID.sub(rb'\1"\2"', data) if _FLOAT.search(data) else data
