from tests.e2e.conftest import service, shared_service

__all__ = ["service", "shared_service"]
