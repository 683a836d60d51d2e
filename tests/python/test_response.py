"""What a prediction gives back."""

from __future__ import annotations

import numpy as np
import pytest
from blindai.datatypes import NUMPY_OF
from blindai.errors import BlindAIError
from blindai.response import OutputTensor, PredictResponse


def output(array, datatype):
    data = np.frombuffer(array.tobytes(), np.uint8)
    return OutputTensor("y", datatype, array.shape, data)


@pytest.mark.parametrize("datatype", sorted(NUMPY_OF))
def test_each_datatype_comes_back_as_it_was(datatype):
    array = np.array([[0, 1, 1], [1, 0, 1]], dtype=NUMPY_OF[datatype])
    out = output(array, datatype)
    assert out.dtype == array.dtype
    assert out.as_numpy().dtype == array.dtype
    assert np.array_equal(out.as_numpy(), array)
    assert out.as_flat() == array.reshape(-1).tolist()


def test_as_numpy_views_the_answer_and_cannot_change_it():
    data = np.frombuffer(np.arange(4, dtype=np.float32).tobytes(), np.uint8)
    view = OutputTensor("y", "FP32", (4,), data).as_numpy()
    assert np.shares_memory(view, data)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1


def test_an_answer_at_an_odd_address_is_read_right():
    raw = np.frombuffer(b"\0" + np.arange(4, dtype=np.float64).tobytes(), np.uint8)[1:]
    assert OutputTensor("y", "FP64", (4,), raw).as_flat() == [0, 1, 2, 3]


def test_as_torch_has_memory_of_its_own():
    torch = pytest.importorskip("torch")
    out = output(np.arange(6, dtype=np.float32).reshape(2, 3), "FP32")
    tensor = out.as_torch()
    assert tensor.dtype is torch.float32
    tensor += 1
    assert out.as_flat()[0] == 0


def test_bf16_widens_exactly():
    torch = pytest.importorskip("torch")
    want = torch.tensor([1.5, -3.0, 1e30, float("inf")], dtype=torch.bfloat16)
    out = output(want.view(torch.int16).numpy(), "BF16")
    assert out.as_torch().dtype is torch.bfloat16
    assert torch.equal(out.as_torch(), want)
    assert out.as_numpy().tolist() == want.float().tolist()


def test_byte_strings_come_back_and_cut_ones_are_refused():
    raw = b"\x02\0\0\0hi\0\0\0\0"
    assert OutputTensor("y", "BYTES", (2,), np.frombuffer(raw, np.uint8)).as_flat() == [b"hi", b""]
    with pytest.raises(BlindAIError, match="cut off"):
        OutputTensor("y", "BYTES", (1,), np.frombuffer(raw[:5], np.uint8)).as_flat()


def test_a_scalar_and_an_empty_output_keep_their_shapes():
    assert output(np.array(2.5, np.float32), "FP32").as_numpy().shape == ()
    assert output(np.zeros((0, 3), np.float32), "FP32").as_numpy().shape == (0, 3)


def test_outputs_are_found_by_position_and_by_name():
    response = PredictResponse("m", "", [output(np.zeros(1, np.float32), "FP32")])
    assert response.output[0] is response.output["y"]
    assert len(response.output) == 1
    with pytest.raises(KeyError, match="no output 'z'; there are 'y'"):
        response.output["z"]


def test_numpy_takes_an_output_for_an_array():
    assert np.array_equal(np.asarray(output(np.arange(3, dtype=np.int64), "INT64")), [0, 1, 2])
