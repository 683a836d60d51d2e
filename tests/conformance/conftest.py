import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.v2 import V2Service
from tests.e2e.conftest import service, shared_service

__all__ = ["service", "shared_service", "v2", "v2_data"]


@pytest.fixture(scope="session")
def v2_data() -> Path:
    """Recorded exchanges of another V2 server: $BLINDAI_TEST_DATA/v2, by default ../shared/v2 beside this project."""
    root = Path(os.environ.get("BLINDAI_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared"))
    if not (root / "v2/cases.json").is_file():
        pytest.skip(f"no reference data at {root / 'v2'}: set BLINDAI_TEST_DATA")
    return root / "v2"


@pytest.fixture(scope="session")
def v2(v2_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[V2Service]:
    """A server that is open to all, with the models that the reference data assumes."""
    service = V2Service(tmp_path_factory.mktemp("v2"), ["--port", "0", "--auth", "open"])
    try:
        service.start()
        service.upload_models([sys.executable, str(v2_data / "make_models.py")])
        yield service
    finally:
        service.stop()
