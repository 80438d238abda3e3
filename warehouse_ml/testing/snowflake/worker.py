"""The process that runs handlers, on the standard library and the numpy and pandas of PACKAGES alone.

One process of an environment imports pandas and waits; for each worker it forks. A worker denies itself the
network, then answers frames by two threads, which share the interpreter as threads do on Snowflake. Nothing
that crosses is pickled: a frame is a JSON header and the columns' buffers.
"""

import ctypes
import importlib
import itertools
import json
import math
import os
import platform
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO

THREADS = 2
"""How many batches one interpreter runs at a time."""

Header = dict[str, Any]


class ResultError(Exception):
    """A handler's answer that RETURNS does not allow."""


def write_frame(stream: BinaryIO, header: Header, buffers: Sequence[bytes] = ()) -> None:
    """Send a header and buffers of bytes."""
    text = json.dumps({**header, "buffers": [len(buffer) for buffer in buffers]}).encode()
    stream.write(b"".join([struct.pack("<I", len(text)), text, *buffers]))
    stream.flush()


def read_frame(read: Callable[[int], bytes]) -> tuple[Header, list[bytes]]:
    """Receive a header and its buffers; `read` gives exactly so many bytes, or raises EOFError."""
    (length,) = struct.unpack("<I", read(4))
    header: Header = json.loads(read(length))
    return header, [read(size) for size in header["buffers"]]


def exactly(stream: BinaryIO) -> Callable[[int], bytes]:
    """A reader of exactly so many bytes."""

    def read(size: int) -> bytes:
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    return read


class Instruction(ctypes.Structure):
    """One instruction of a classic BPF filter."""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class Program(ctypes.Structure):
    """A filter, as prctl takes it."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction)))


MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The audit number of a machine and the number of its system call `socket`."""

IO_URING_SETUP = 425
X32_BIT = 0x40000000


def deny_network() -> None:
    """Make every `socket` call of this process and of its children fail, for good.

    A seccomp filter needs no privilege, unlike a network namespace where distributions restrict those.
    It also denies io_uring, which opens sockets without that call, and other calling conventions.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise OSError(f"a network cannot be denied on {sys.platform} {platform.machine()}")
    audit, socket_call = MACHINES[platform.machine()]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, deny = 0x7FFF0000, 0x00050000 | 1  # EPERM
    filters = (
        (load, 0, 0, 4),
        (equal, 0, 5, audit),
        (load, 0, 0, 0),
        (at_least, 3, 0, X32_BIT),
        (equal, 2, 0, socket_call),
        (equal, 1, 0, IO_URING_SETUP),
        (answer, 0, 0, allow),
        (answer, 0, 0, deny),
    )
    instructions = (Instruction(*one) for one in filters)
    program = Program(len(filters), (Instruction * len(filters))(*instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_filter, mode_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(
        set_filter, mode_filter, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel took no seccomp filter")


def column(spec: Header, buffers: list[bytes], rows: int) -> Any:
    """One column of a batch, as Snowflake hands it to a vectorized function."""
    import numpy
    import pandas

    kind = spec["kind"]
    if kind == "FLOAT":
        return numpy.frombuffer(buffers.pop(0), "<f8", rows).copy()
    if kind in ("INTEGER", "BOOLEAN"):
        values = numpy.frombuffer(buffers.pop(0), "<i8", rows)
        missing = numpy.frombuffer(buffers.pop(0), "?", rows)
        plain = values.astype(bool) if kind == "BOOLEAN" else values
        if spec["dtype"][0].isupper() or spec["dtype"] == "boolean":
            masked = pandas.array(plain, dtype=spec["dtype"])
            masked[missing] = pandas.NA
            return masked
        return plain.astype(spec["dtype"])
    if kind == "TIMESTAMP":
        values = numpy.frombuffer(buffers.pop(0), "<i8", rows).astype("datetime64[ns]")
        missing = numpy.frombuffer(buffers.pop(0), "?", rows)
        values[missing] = numpy.datetime64("NaT")
        return values
    entries: list[Any] = json.loads(buffers.pop(0))
    if kind == "VARCHAR":
        return pandas.array(entries, dtype="string")
    if kind == "DECIMAL":
        entries = [None if entry is None else Decimal(entry) for entry in entries]
    objects = numpy.empty(rows, dtype=object)
    objects[:] = entries
    return objects


def frame(header: Header, buffers: list[bytes]) -> Any:
    """A batch: columns named 0 to n-1, and their rows."""
    import pandas

    columns = [column(spec, buffers, header["rows"]) for spec in header["columns"]]
    index = pandas.RangeIndex(header["rows"])
    return pandas.concat(
        [pandas.Series(values, index=index, name=place) for place, values in enumerate(columns)], axis=1
    )


def missing(value: Any) -> bool:
    """Whether a value of a column of objects stands for NULL."""
    import pandas

    return (
        value is None
        or value is pandas.NA
        or value is pandas.NaT
        or (isinstance(value, float) and math.isnan(value))
    )


def whole(value: Any) -> int:
    """A whole number for RETURNS NUMBER; 2.0 is one, as pandas makes a float of an integer beside a NULL."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ResultError(f"{value!r} is not a whole number")
    return int(value)


def instant(value: Any) -> int:
    """A time without a zone, in nanoseconds since 1970."""
    import numpy

    return int(numpy.datetime64(value, "ns").astype("int64"))


def checked(kind: str, value: Any) -> Any:
    """One value of a result, refused where its type is not that of RETURNS."""
    import numpy

    generic = isinstance(value, numpy.generic) and not isinstance(value, numpy.datetime64)
    plain = value.item() if generic else value
    numbers = (int, float, Decimal)
    allowed: dict[str, tuple[type, ...]] = {
        "FLOAT": numbers,
        "NUMBER": numbers,
        "BOOLEAN": (bool,),
        "VARCHAR": (str,),
        "OBJECT": (dict,),
        "VARIANT": (dict, list, str, bool, *numbers),
        "ARRAY": (list,),
        "TIMESTAMP_NTZ": (datetime, numpy.datetime64),
    }
    if not isinstance(plain, allowed[kind]) or (kind == "FLOAT" and isinstance(plain, bool)):
        raise ResultError(f"a value of type {type(value).__name__} for RETURNS {kind}")
    if kind == "NUMBER":
        return whole(plain)
    return instant(plain) if kind == "TIMESTAMP_NTZ" else plain


def encoded(kind: str, answer: Any, rows: int) -> list[bytes]:
    """A handler's answer as buffers: whether each row is NULL, then the values."""
    import numpy
    import pandas

    containers = (pandas.Series, numpy.ndarray, list, tuple, pandas.api.extensions.ExtensionArray)
    if not isinstance(answer, containers):
        raise ResultError(f"a {type(answer).__name__}, where a Series, an array or a list was expected")
    if isinstance(answer, numpy.ndarray) and answer.ndim != 1:
        raise ResultError(f"{answer.ndim} dimensions, where one was expected")
    if len(answer) != rows:
        raise ResultError(f"{len(answer)} rows for a batch of {rows} rows")
    if kind == "FLOAT" and str(getattr(answer, "dtype", "")) == "float64":
        doubles = numpy.asarray(answer, "float64")
        return [numpy.isnan(doubles).tobytes(), doubles.astype("<f8").tobytes()]
    values = list(answer)
    null = [missing(value) for value in values]
    kept = [None if absent else checked(kind, value) for value, absent in zip(values, null, strict=True)]
    mask = numpy.array(null, "?").tobytes()
    if kind == "FLOAT":
        return [mask, numpy.array([0.0 if value is None else value for value in kept], "<f8").tobytes()]
    if kind in ("NUMBER", "BOOLEAN", "TIMESTAMP_NTZ"):
        return [mask, numpy.array([0 if value is None else value for value in kept], "<i8").tobytes()]
    return [mask, json.dumps(kept, allow_nan=False).encode()]


handlers: dict[str, Callable[[Any], Any]] = {}
lock = threading.Lock()


def handler(name: str) -> Callable[[Any], Any]:
    """The function `module.function` of the import directory, which has to be a vectorized one."""
    import pandas

    with lock:
        if name not in handlers:
            module, _, function = name.rpartition(".")
            found: Callable[[Any], Any] = getattr(importlib.import_module(module), function)
            if getattr(found, "_sf_vectorized_input", None) is not pandas.DataFrame:
                raise ResultError(
                    f"{name} is not vectorized: the emulation does not emulate handlers called by the row"
                )
            handlers[name] = found
    return handlers[name]


def pieces(rows: int, largest: int | None) -> range:
    """Where the batches of a call start: `_sf_max_batch_size` only caps."""
    return range(0, rows, largest or max(rows, 1))


def answer(header: Header, buffers: list[bytes]) -> tuple[Header, list[bytes]]:
    """Run a handler on one batch."""
    try:
        function = handler(header["handler"])
        batch = frame(header, buffers)
        rows = header["rows"]
        largest = getattr(function, "_sf_max_batch_size", None)
        if largest is None or rows <= largest:
            return {"id": header["id"]}, encoded(header["returns"], function(batch), rows)
        values: list[Any] = []
        for start in pieces(rows, largest):
            part = batch.iloc[start : start + largest].reset_index(drop=True)
            result = function(part)
            encoded(header["returns"], result, len(part))
            values.extend(result)
        return {"id": header["id"]}, encoded(header["returns"], values, rows)
    except BaseException as error:  # whatever a handler raises is the caller's to see
        return {
            "id": header["id"],
            "error": type(error).__name__,
            "trace": traceback.format_exc(limit=-4),
        }, []


def serve(directory: str, deny: bool, frames: tuple[BinaryIO, BinaryIO]) -> None:
    """Answer frames until the other side closes."""
    requests, replies = frames
    sys._xoptions["snowflake_import_directory"] = directory
    sys.path.insert(0, directory.rstrip("/"))
    read = exactly(requests)
    try:
        if deny:
            deny_network()
    except OSError as error:
        write_frame(replies, {"error": str(error)})
        return
    write_frame(replies, {"python": platform.python_version()})
    writing = threading.Lock()

    def run(header: Header, buffers: list[bytes]) -> None:
        reply, results = answer(header, buffers)
        with writing:
            write_frame(replies, reply, results)

    with ThreadPoolExecutor(THREADS) as threads:
        while True:
            try:
                header, buffers = read_frame(read)
            except EOFError:
                return
            threads.submit(run, header, buffers)


def start(order: Header, descriptors: Sequence[int]) -> int:
    """Fork a worker with its own import directory and streams; gives its process id."""
    child = os.fork()
    if child:
        return child
    requests, replies, errors = descriptors
    status = 1
    try:
        # what a handler prints must not stand between frames
        for own in (1, 2):
            os.dup2(errors, own)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        ends = [2, *sorted(descriptors), os.sysconf("SC_OPEN_MAX")]
        for below, above in itertools.pairwise(ends):  # the template's own streams are no handler's
            os.closerange(below + 1, above)
        os.chdir(order["directory"])
        os.environ["HOME"] = order["directory"]
        serve(
            order["directory"], order["deny_network"], (os.fdopen(requests, "rb"), os.fdopen(replies, "wb"))
        )
        status = 0
    finally:
        os._exit(status)


def main() -> None:
    """Fork and end workers as told, until the other side closes."""
    import numpy
    import pandas

    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.sendall(json.dumps({"numpy": numpy.__version__, "pandas": pandas.__version__}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1 << 16, 3)
        if not message:
            return
        order = json.loads(message)
        if "stop" in order:
            os.kill(order["stop"], signal.SIGKILL)
            os.waitpid(order["stop"], 0)
            channel.sendall(b"{}")
            continue
        channel.sendall(json.dumps({"process": start(order, descriptors)}).encode())
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
