"""A TCP relay that cuts each of its connections after some bytes, so that a client goes away at any stage of a call."""

from __future__ import annotations

import random
import selectors
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_MOST_BYTES = 4 * 1024 * 1024
_PIECE = 16 * 1024


class Relay:
    """Listens on loopback as `port` and relays to `target`; what was cut is counted."""

    def __init__(self, target: int, seed: int) -> None:
        self._target = target
        self._random = random.Random(seed)  # of the thread that accepts, alone
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept)
        self.port = int(self._listener.getsockname()[1])
        self.cut = 0  # connections

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            # As often between 100 and 1 000 bytes as between 100 000 and a million: each stage has its share.
            after = int(100 * (_MOST_BYTES / 100) ** self._random.random())
            reset = self._random.random() < 0.5
            threading.Thread(target=self._relay, args=(near, after, reset), daemon=True).start()

    def _relay(self, near: socket.socket, left: int, reset: bool) -> None:
        with near, socket.socket() as far, selectors.DefaultSelector() as ready:
            try:
                far.connect(("127.0.0.1", self._target))
                for here, there in ((near, far), (far, near)):
                    ready.register(here, selectors.EVENT_READ, there)
                while left > 0:
                    for key, _ in ready.select(30) or [(None, 0)]:
                        if key is None:
                            return
                        assert isinstance(key.fileobj, socket.socket)
                        data = key.fileobj.recv(min(_PIECE, left))
                        if not data:
                            return
                        left -= len(data)
                        key.data.sendall(data)
            except OSError:
                return
            self.cut += 1
            if reset:  # RST, not FIN
                for end in (near, far):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
