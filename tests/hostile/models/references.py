"""References to bytes outside the model: files, addresses, and bundles that do not hold together."""

from __future__ import annotations

from . import wire as w
from .family import Bodies, Fate, family

GATE = Fate.GATE
OUTSIDE = "outside the model's own files: that is never read"
MISSING = "was not uploaded with the model"


def reading(location: str, **entries: str) -> bytes:
    """A model with one initialiser that lies there."""
    return w.model(w.graph((5, w.external("w", {"location": location} | entries))))


def bundle(offset: str = "0", length: str = "16", size: int = 24) -> Bodies:
    """The same, with the file in the bundle."""
    return {"m.onnx": reading("w.data", offset=offset, length=length), "w.data": bytes(range(size))}


@family(GATE, "a file below the server's working directory", MISSING)
def external_relative() -> list[bytes]:
    return [reading(name, offset="0", length="16") for name in ("secret.bin", "etc/passwd", "proc/self/maps", ".")]


@family(GATE, "a file anywhere on the server", OUTSIDE)
def external_absolute() -> list[bytes]:
    return [reading(name) for name in ("/etc/passwd", "/proc/self/mem", "//etc/passwd", "/dev/shm/x")]


@family(GATE, "a file above the working directory", OUTSIDE)
def external_parent() -> list[bytes]:
    return [reading(name) for name in ("../secret", "a/../../secret", "./../x", "..", "a/..", "..\\secret")]


@family(GATE, "a name that is a link on many systems", MISSING)
def external_symlink_name() -> list[bytes]:
    return [reading(name) for name in ("dev/stdin", "link", "self/fd/3")]


@family(GATE, "an address in the memory of the process, as one engine's in-memory marker has it", MISSING)
def external_address() -> list[bytes]:
    marker = "*/_ORT_MEM_ADDR_/*"
    return [reading(marker, offset=str(offset), length="16") for offset in (0, 4096, 0x7FFF00000000, 2**64 - 16)]


@family(GATE, "a name of the host in place of a file's", f"{MISSING}|{OUTSIDE}")
def external_url() -> list[bytes]:
    return [reading(name) for name in ("http://example.com/x", "file:///etc/passwd", "C:\\x", "\\\\host\\share\\x")]


@family(GATE, "no file at all", MISSING)
def external_without_location() -> list[bytes]:
    empty = w.model(w.graph((5, w.external("w", {}))))
    return [empty, reading(""), w.model(w.graph((5, w.external("w", {"offset": "0", "length": "16"}))))]


@family(GATE, "the name of a file of many kilobytes", "4096 bytes")
def external_long_name() -> bytes:
    return reading("n" * 5000)


@family(GATE, "offset and length that are negative, or no numbers", "not a number")
def external_negative() -> list[Bodies]:
    bad = ("-1", "0x8", " 8", "8 ", "+8", "", "1e3", "99999999999999999999999")
    return [bundle(offset=text) for text in bad] + [bundle(length=text) for text in bad]


@family(GATE, "an offset that wraps around with its length", "lies outside its file|not a number")
def external_overflow() -> list[Bodies]:
    return [bundle(offset=str(2**64 - 1)), bundle(offset=str(2**64 - 16)), bundle(offset=str(2**63))]


@family(GATE, "data that ends behind its file, and would begin the next one", "lies outside its file")
def external_beyond_the_file() -> list[Bodies]:
    return [bundle(offset="9"), bundle(offset="24"), bundle(size=15)]


@family(GATE, "a length that is not that of the shape", "its type and shape make 16")
def external_wrong_length() -> list[Bodies]:
    return [bundle(length="17"), bundle(length="15"), bundle(length="0")]


@family(Fate.HARMLESS, "two weights over the same bytes, and over parts of them: only read, and in the bundle")
def external_overlapping() -> Bodies:
    first = w.external("w", {"location": "w.data", "offset": "0", "length": "16"})
    second = w.external("v", {"location": "w.data", "offset": "8", "length": "16"})
    return {"m.onnx": w.model(w.graph((5, first), (5, second))), "w.data": bytes(24)}


@family(GATE, "one file as weight after weight, so that what the engine packs is many times the upload", "times over")
def external_shared_without_end() -> Bodies:
    weights = [
        (5, w.external(f"w{i}", {"location": "w.data", "offset": "0", "length": "262144"}, (256, 256)))
        for i in range(64)
    ]
    return {"m.onnx": w.model(w.graph(*weights)), "w.data": bytes(262144)}


@family(GATE, "the same key twice: readers differ in which they take", "twice")
def external_key_twice() -> Bodies:
    entries = [("location", "w.data"), ("location", "/etc/passwd"), ("length", "16")]
    head = w.tensor("w", (4,), None) + b"".join(w.field(13, w.fields((1, k), (2, v))) for k, v in entries)
    return {"m.onnx": w.model(w.graph((5, head + w.field(14, 1)))), "w.data": bytes(16)}


@family(GATE, "keys beyond location, offset, length and checksum, such as blobs packed for the engine", "unknown")
def external_unknown_key() -> Bodies:
    entries = {"location": "w.data", "prepacked_0": "0|16|x"}
    return {"m.onnx": w.model(w.graph((5, w.external("w", entries)))), "w.data": bytes(16)}


@family(GATE, "a reference in a tensor that says its data is inside", "says that its data is not external")
def external_entries_without_the_mark() -> bytes:
    entry = w.field(13, w.fields((1, "location"), (2, "/etc/passwd")))
    return w.model(w.graph((5, w.tensor("w") + entry)))


@family(GATE, "a reference wherever a tensor may stand", OUTSIDE)
def external_in_every_place() -> list[bytes]:
    thief = w.external("v", {"location": "/etc/passwd", "offset": "0", "length": "16"})
    sparse = w.fields((1, thief), (2, w.tensor("i", (1,), bytes(8), w.INT64)), (3, 4))
    inner = w.fields((2, "g"), (5, thief))
    out = [w.model(w.graph((5, thief))), w.model(w.graph((15, sparse)))]
    places = ((5, 4, thief), (10, 9, thief), (22, 11, sparse), (23, 12, sparse), (6, 5, inner), (11, 10, inner))
    for number, kind, value in places:
        reader = w.attribute("value", kind, (number, value))
        out.append(w.model(w.graph((1, w.node("Constant", (), ("c",), reader)))))
        out.append(w.model(w.graph(), (25, w.function("f", w.node("Constant", (), ("b",), reader)))))
        out.append(w.model(w.graph(), (25, w.function("f", w.node("Relu", ("a",), ("b",)), more=w.field(11, reader)))))
    out.append(w.model(w.graph(), (20, w.field(1, inner))))
    out.append(w.model(w.graph(), (20, w.field(2, inner))))
    return out


@family(GATE, "a bundle whose files have names that lead out of it", "head of the bundle is malformed")
def bundle_with_paths() -> list[Bodies]:
    inner = w.model(w.graph())
    return [{"m.onnx": inner, name: b"x"} for name in ("../w.data", "/etc/passwd", "a/../b", "a\\b")]
