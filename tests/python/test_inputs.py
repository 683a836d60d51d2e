"""From what callers hold to tensors on the wire."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from blindai.errors import InputError
from blindai.inputs import MAX_INPUTS, convert_inputs

torch = pytest.importorskip("torch")


def one(value):
    (tensor,) = convert_inputs(value)
    return tensor


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("?", "BOOL"), ("u1", "UINT8"), ("u2", "UINT16"), ("u4", "UINT32"), ("u8", "UINT64"), ("i1", "INT8"),
        ("i2", "INT16"), ("i4", "INT32"), ("i8", "INT64"), ("f2", "FP16"), ("f4", "FP32"), ("f8", "FP64"),
    ],
)  # fmt: skip
def test_each_numpy_dtype_keeps_its_bytes(dtype, name):
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    tensor = one(array)
    assert (tensor.name, tensor.datatype, tensor.shape) == ("", name, (2, 2))
    assert tensor.data.tobytes() == array.tobytes()


def test_a_contiguous_array_is_not_copied():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.shares_memory(one(array).data, array)


def test_a_transposed_array_is_sent_in_its_logical_order():
    array = np.arange(6, dtype=np.int64).reshape(2, 3).T
    tensor = one(array)
    assert tensor.shape == (3, 2)
    assert tensor.data.tobytes() == np.array([[0, 3], [1, 4], [2, 5]], dtype=np.int64).tobytes()


def test_a_strided_array_is_sent_without_its_gaps():
    tensor = one(np.arange(10, dtype=np.int32)[::3])
    assert tensor.data.view("<i4").tolist() == [0, 3, 6, 9]


def test_a_scalar_and_an_empty_array_keep_their_shapes():
    assert one(np.float32(2.5)).shape == ()
    assert one(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_big_endian_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r'big-endian.*astype\("<f4"\)'):
        one(np.zeros(3, dtype=">f4"))


@pytest.mark.parametrize("array", [np.array([1j]), np.array([1], "M8[s]")])
def test_dtypes_that_no_model_takes_are_refused(array):
    with pytest.raises(InputError, match="dtype"):
        one(array)


def test_a_torch_tensor_that_needs_gradients_is_taken():
    tensor = torch.arange(6, dtype=torch.float32).reshape(2, 3).requires_grad_()
    assert one(tensor).data.tobytes() == tensor.detach().numpy().tobytes()


def test_torch_token_ids_are_int64_and_not_copied():
    ids = torch.tensor([[101, 7592, 102]])
    converted = one(ids)
    assert (converted.datatype, converted.shape) == ("INT64", (1, 3))
    assert np.shares_memory(converted.data, ids.numpy())


def test_torch_bfloat16_keeps_its_bits():
    tensor = one(torch.tensor([1.0, -2.0], dtype=torch.bfloat16))
    assert tensor.datatype == "BF16"
    assert tensor.data.tobytes() == bytes.fromhex("803f00c0")


def test_a_sparse_torch_tensor_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"to_dense"):
        one(torch.eye(3).to_sparse())


def test_torch_tensors_without_values_are_refused():
    with pytest.raises(InputError, match="no values"):
        one(torch.zeros(2, device="meta"))


def test_lists_become_int64_or_fp32():
    assert one([[1, 2], [3, 4]]).datatype == "INT64"
    assert one([1.5, 2]).datatype == "FP32"
    assert one([True, False]).datatype == "BOOL"
    assert one(3).shape == ()


def test_a_list_that_is_not_regular_is_refused():
    with pytest.raises(InputError, match="differ in length"):
        one([[1, 2], [3]])


def elements(tensor):
    """What the elements of a BYTES tensor are."""
    raw, out = tensor.data.tobytes(), []
    while raw:
        size = int.from_bytes(raw[:4], "little")
        out.append(raw[4 : 4 + size])
        raw = raw[4 + size :]
    return out


@pytest.mark.parametrize(
    ("text", "shape", "wanted"),
    [
        (["a", "\u00e9"], (2,), [b"a", b"\xc3\xa9"]),
        ([[b"x\0", b""]], (1, 2), [b"x\0", b""]),
        (np.array([["ab", "c"]]), (1, 2), [b"ab", b"c"]),
        (np.array([b"ab", b"c"]), (2,), [b"ab", b"c"]),
        (np.array(["a", b"\xff\0"], dtype=object), (2,), [b"a", b"\xff\0"]),
        (np.empty((0, 3), dtype=object), (0, 3), []),
    ],
    ids=["list", "bytes", "U", "S", "object", "empty"],
)
def test_text_becomes_bytes(text, shape, wanted):
    tensor = one(text)
    assert (tensor.datatype, tensor.shape) == ("BYTES", shape)
    assert elements(tensor) == wanted


def test_text_among_other_things_is_refused():
    with pytest.raises(InputError, match="a int among its text"):
        one([1, "a"])
    with pytest.raises(InputError, match="NoneType"):
        one(np.array([None]))
    with pytest.raises(InputError, match="not Unicode"):
        one(["\ud800"])
    with pytest.raises(InputError):
        one("text")


def test_a_number_too_large_for_fp32_is_refused_and_not_made_infinite():
    with pytest.raises(InputError, match="float64"):
        one([1e300])


def test_an_empty_list_is_refused():
    with pytest.raises(InputError, match="empty list"):
        one([[]])
    with pytest.raises(InputError, match="no inputs"):
        convert_inputs({})


def test_a_dict_names_its_inputs():
    tensors = convert_inputs({"ids": torch.zeros(1, 3, dtype=torch.int64), "mask": np.ones((1, 3), np.int64)})
    assert [tensor.name for tensor in tensors] == ["ids", "mask"]


@pytest.mark.parametrize("name", [1, "", None])
def test_a_dict_with_a_name_that_is_not_text_is_refused(name):
    with pytest.raises(InputError, match="names"):
        convert_inputs({name: [1]})


def test_a_list_of_arrays_is_one_input_each():
    tensors = convert_inputs([np.zeros(2, np.float32), torch.zeros(3)])
    assert [tensor.shape for tensor in tensors] == [(2,), (3,)]


def test_arrays_mixed_with_numbers_are_refused():
    with pytest.raises(InputError, match="mix"):
        convert_inputs([np.zeros(2), 3])


def test_as_many_inputs_as_allowed_and_no_more():
    array = np.zeros(1, np.float32)
    assert len(convert_inputs([array] * MAX_INPUTS)) == MAX_INPUTS
    for count in (MAX_INPUTS + 1, 100 * MAX_INPUTS):
        with pytest.raises(InputError, match="at most"):
            convert_inputs([array] * count)


def test_rank_is_limited():
    assert len(one(np.zeros((1,) * 16)).shape) == 16
    with pytest.raises(InputError, match="dimensions"):
        one(np.zeros((1,) * 17))


def test_an_object_that_is_no_tensor_is_refused_by_type_name():
    with pytest.raises(InputError, match="object"):
        one(object())


def test_a_tensorflow_tensor_is_recognised_by_the_loaded_module(monkeypatch):
    class Tensor:
        def numpy(self):
            return np.arange(3, dtype=np.float32)

    module = type(sys)("tensorflow")
    module.Tensor = Tensor
    monkeypatch.setitem(sys.modules, "tensorflow", module)
    assert one(Tensor()).datatype == "FP32"


def test_neither_torch_nor_tensorflow_is_imported_for_numpy():
    code = (
        "import sys, numpy as np; from blindai.inputs import convert_inputs; import blindai; "
        "convert_inputs(np.zeros(3)); convert_inputs([1, 2]); "
        "print(sorted({'torch', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
