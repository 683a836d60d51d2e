"""From what the caller holds (numpy, torch, tensorflow, lists, dicts by input name) to tensors on the wire.

Arrays are taken as they are: never rounded, never widened, copied only where their memory is not contiguous. Big-endian
arrays are refused with the way out, since a silent swap would hide a mistake. Lists take numpy's type for them, except
that whole numbers are INT64 and fractions FP32, which is what models want. Text becomes BYTES, in UTF-8. Neither torch
nor tensorflow is imported here: an object of theirs can only exist once the caller has imported them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .datatypes import name_of
from .errors import InputError

MAX_INPUTS = 64
MAX_RANK = 16


@dataclass(frozen=True)
class InputTensor:
    """One input. `data` is contiguous memory that stays alive with it; `name` is empty for "by position"."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: npt.NDArray[np.uint8]


def convert_inputs(inputs: Any) -> list[InputTensor]:
    """One tensor, a list or tuple of tensors by position, or a mapping by input name."""
    named: list[tuple[str, Any]]
    if isinstance(inputs, Mapping):
        named = []
        for name, value in inputs.items():
            if not isinstance(name, str) or not name:
                raise InputError(f"input names must be text that is not empty, not {name!r}")
            named.append((name, value))
    elif isinstance(inputs, list | tuple) and any(_is_array(item) for item in inputs):
        if not all(_is_array(item) for item in inputs):
            raise InputError(
                "the inputs mix arrays and plain values: give a list of arrays, one for each input, "
                "or one nested list of numbers, or a dict by input name"
            )
        named = [("", item) for item in inputs]
    else:
        named = [("", inputs)]
    if not named:
        raise InputError("there are no inputs: give a tensor, a list of tensors, or a dict by input name")
    if len(named) > MAX_INPUTS:
        raise InputError(f"there are {len(named)} inputs; at most {MAX_INPUTS} are possible")
    return [convert(name, value, index) for index, (name, value) in enumerate(named)]


def convert(name: str, value: Any, index: int = 0) -> InputTensor:
    """One input tensor."""
    label = f"input {name!r}" if name else f"input {index}"
    if _is_torch(value):
        return _from_torch(name, value, label)
    if _is_tensorflow(value):
        return _from_numpy(name, value.numpy(), label)
    if isinstance(value, np.ndarray | np.generic):
        return _from_numpy(name, np.asarray(value), label)
    if isinstance(value, bool | int | float | Sequence) and not isinstance(value, str | bytes | bytearray):
        return _from_numpy(name, _from_list(value, label), label)
    if hasattr(value, "__array__"):
        return _from_numpy(name, np.asarray(value), label)
    raise InputError(
        f"{label} is a {type(value).__name__}; give a numpy array, a torch or tensorflow tensor, or a list of numbers"
    )


def _module_class(module: str, name: str) -> type | None:
    loaded = sys.modules.get(module)
    kind = getattr(loaded, name, None) if loaded is not None else None
    return kind if isinstance(kind, type) else None


def _is_torch(value: Any) -> bool:
    kind = _module_class("torch", "Tensor")
    return kind is not None and isinstance(value, kind)


def _is_tensorflow(value: Any) -> bool:
    kind = _module_class("tensorflow", "Tensor")
    return kind is not None and isinstance(value, kind) and hasattr(value, "numpy")


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or _is_torch(value) or _is_tensorflow(value) or hasattr(value, "__array__")


def _from_list(value: Any, label: str) -> npt.NDArray[Any]:
    try:
        array = np.array(value)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{label} is not a regular list of numbers: its rows differ in length or kind") from None
    if array.dtype.kind in "US":
        return np.array(value, dtype=object)  # of a fixed width, numpy would lose zeros at an element's end
    if array.dtype.kind in "OV":
        raise InputError(f"{label} is a list that holds something other than numbers of a fixed size, or text alone")
    if array.size == 0:
        raise InputError(f"{label} is an empty list, which has no type: give a numpy array with its dtype")
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float32)
        if not np.array_equal(np.isinf(narrow), np.isinf(array)):
            raise InputError(f"{label} has a number too large for FP32: give a numpy array of dtype float64")
        return narrow
    return array


def _from_numpy(name: str, array: npt.NDArray[Any], label: str) -> InputTensor:
    if array.ndim > MAX_RANK:
        raise InputError(f"{label} has {array.ndim} dimensions; at most {MAX_RANK} are possible")
    if array.dtype.kind in "OSTU":
        return InputTensor(name, "BYTES", tuple(array.shape), _text(array, label))
    datatype = name_of(array.dtype)
    if datatype is None:
        raise InputError(
            f"{label} has the numpy dtype {array.dtype}, which no model takes: "
            "use a boolean, integer or float type of at most 64 bits, or text"
        )
    if array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big"):
        native = array.dtype.newbyteorder("<")
        raise InputError(f'{label} is big-endian ({array.dtype.str}): convert it with .astype("{native.str}")')
    contiguous = np.ascontiguousarray(array)
    # The 1-d view of bytes shares the memory; reshape first, since a view of a 0-d array is not possible.
    data = contiguous.reshape(-1).view(np.uint8)
    return InputTensor(name, datatype, tuple(array.shape), data)


def _text(array: npt.NDArray[Any], label: str) -> npt.NDArray[np.uint8]:
    """Elements of BYTES: each a length of 4 bytes, little-endian, and that many bytes."""
    out = bytearray()
    for element in array.reshape(-1):
        if not isinstance(element, str | bytes):
            raise InputError(f"{label} holds a {type(element).__name__} among its text: give str or bytes alone")
        try:
            raw = element.encode() if isinstance(element, str) else bytes(element)
        except UnicodeEncodeError:
            raise InputError(f"{label} holds text that is not Unicode: give bytes") from None
        out += len(raw).to_bytes(4, "little") + raw
    return np.frombuffer(out, np.uint8)


def _from_torch(name: str, tensor: Any, label: str) -> InputTensor:
    torch = sys.modules["torch"]
    if tensor.layout is not torch.strided:
        raise InputError(f"{label} is a sparse torch tensor: convert it with .to_dense()")
    if tensor.is_quantized:
        raise InputError(f"{label} is a quantised torch tensor: convert it with .dequantize() or .int_repr()")
    if tensor.device.type == "meta":
        raise InputError(f"{label} is a torch tensor on the meta device, which has no values")
    plain = tensor.detach().resolve_conj().resolve_neg().cpu()
    if plain.dtype is torch.bfloat16:
        bits = plain.contiguous().view(torch.int16).numpy()
        return InputTensor(name, "BF16", tuple(plain.shape), bits.reshape(-1).view(np.uint8))
    try:
        array = plain.numpy()
    except (TypeError, RuntimeError):
        raise InputError(f"{label} has the torch dtype {tensor.dtype}, which no model takes") from None
    return _from_numpy(name, array, label)
