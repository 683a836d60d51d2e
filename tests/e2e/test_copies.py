"""Besides TLS's own copy of each record, the server copies no tensor: counted in a server whose memcpy counts."""

from __future__ import annotations

import contextlib
import struct

import blindai
import numpy as np
import pytest
from blindai.cli.programs import find_program

from . import models
from .conftest import Service

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
MIB = 1024 * 1024
CALLS = 20


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Tells, of a server: large copies and their bytes, copies of the size of a record and their bytes."""
    try:
        library = find_program("blindai-count-copies.so", "it is not built with sanitizers")
    except blindai.ConfigurationError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("BLINDAI_COPIES", str(tmp_path / "copies"))
    home = tmp_path / "service"
    home.mkdir()
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(home, ["--port", "0", "--batch-rows", "1"]))
        monkeypatch.delenv("LD_PRELOAD")
        service.use(monkeypatch)
        path = tmp_path / f"copies.{service.server_pid()}"
        yield lambda: struct.unpack("4Q", path.read_bytes())


@pytest.mark.parametrize("rows", [1, 64])
def test_a_tensor_of_a_megabyte_is_copied_by_tls_alone(counted, tmp_path, rows):
    x = np.random.default_rng(0).random((rows, MIB // 4 // rows), np.float32)
    with blindai.connect() as client:
        client.upload_model(models.identity(tmp_path / "same.onnx", 1))
        client.predict("same", x)
        before = counted()
        for _ in range(CALLS):
            assert np.array_equal(client.predict("same", x).output[0].as_numpy(), x)
        large, large_bytes, _, record_bytes = (b - a for a, b in zip(before, counted(), strict=True))
    assert (large, large_bytes) == (0, 0)
    # Into the caller's memory after it was decrypted, and out of it before it is encrypted; a twentieth for the rest.
    assert 2 * MIB <= record_bytes / CALLS <= 2.1 * MIB
