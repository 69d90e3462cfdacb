"""The kernel's side of a file system in user space: its requests over /dev/fuse, answered from a tree of files.

Spoken directly (linux/fuse.h, protocol 7.31), so that a test needs no library: root and /dev/fuse are enough.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable
from itertools import count
from pathlib import Path

from tests.faults.forgetful import ForgetfulFiles, Node, Refused

DEVICE = Path("/dev/fuse")
MAX_WRITE = 256 * 1024
REQUEST_BYTES = MAX_WRITE + 4096
PROTOCOL = (7, 31)
ATOMIC_O_TRUNC, BIG_WRITES, MAX_PAGES = 1 << 3, 1 << 5, 1 << 22
CACHED_SECONDS = 3600
"""Nobody changes the files but through the kernel, which may therefore remember what they are."""
SET_MODE, SET_UID, SET_GID, SET_SIZE = 1, 2, 4, 8
RENAME_NOREPLACE = 1
KEEP_CACHE = 2
UNMOUNT_DETACHED = 2

HEAD, ANSWER = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
ATTRIBUTES, ENTRY, OPENED = struct.Struct("<6Q10I"), struct.Struct("<4Q2I"), struct.Struct("<QII")
ATTRIBUTES_FOR, PLACED, SET = (
    struct.Struct("<QII"),
    struct.Struct("<QQIIQII"),
    struct.Struct("<IIQQQQQQIIIIIIII"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def mount(point: Path) -> int:
    """Mount, and return the descriptor over which the kernel asks."""
    channel = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={channel},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    if _libc.mount(b"forgetful", os.fsencode(point), b"fuse.forgetful", 0, options.encode()):
        failed = ctypes.get_errno()
        os.close(channel)
        raise OSError(failed, os.strerror(failed), str(point))
    return channel


def unmount(point: Path, *, detached: bool = False) -> None:
    """Take it out of the tree. Raises `OSError`, EBUSY while somebody has a file open, unless `detached`."""
    if _libc.umount2(os.fsencode(point), UNMOUNT_DETACHED if detached else 0):
        failed = ctypes.get_errno()
        raise OSError(failed, os.strerror(failed), str(point))


class Kernel:
    """Answers what the kernel asks about one mounted tree, until it is unmounted."""

    def __init__(self, files: ForgetfulFiles, channel: int) -> None:
        self._files, self._channel = files, channel
        self._listings: dict[int, list[tuple[bytes, Node]]] = {}
        self._handles = count(1)
        self._answers: dict[int, Callable[[Node, bytes, tuple[int, int]], bytes]] = {
            1: self._lookup,
            3: lambda node, *_: ATTRIBUTES_FOR.pack(CACHED_SECONDS, 0, 0) + _attributes(node),
            4: self._set,
            5: lambda node, *_: bytes(node.data),
            6: self._symlink,
            8: self._make_node,
            9: self._make_folder,
            10: lambda node, body, _: self._remove(node, body, is_folder=False),
            11: lambda node, body, _: self._remove(node, body, is_folder=True),
            12: lambda node, body, _: self._rename(node, body[:8], 0, body[8:]),
            13: self._link,
            14: self._open,
            15: self._read,
            16: self._write,
            17: lambda *_: struct.pack("<5Q4I6I", *(1 << 22,) * 5, 4096, 255, 4096, *(0,) * 7),
            18: lambda *_: b"",
            20: self._sync,
            26: self._greet,
            27: self._open_folder,
            28: self._list,
            29: self._close_folder,
            30: self._sync,
            35: self._create,
            38: lambda *_: b"",
            45: lambda node, body, _: self._rename(node, body[:8], body[8], body[16:]),
        }
        """By the operation's number; what is missing here, the kernel is told, does not exist."""

    def serve(self) -> None:
        """Answer until the tree is unmounted."""
        while True:
            try:
                request = os.read(self._channel, REQUEST_BYTES)
            except OSError as ended:
                if ended.errno == errno.ENODEV:
                    return
                if ended.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                raise
            self._handle(request)

    def _handle(self, request: bytes) -> None:
        _, operation, unique, number, uid, gid, _, _ = HEAD.unpack_from(request)
        if operation in NEVER_ANSWERED:
            return
        error, data = 0, b""
        try:
            data = self._answer(operation, number, request[HEAD.size :], (uid, gid))
        except Refused as refused:
            error = -refused.args[0]
        try:
            os.write(self._channel, ANSWER.pack(ANSWER.size + len(data), error, unique) + data)
        except OSError as gone:
            if gone.errno != errno.ENOENT:  # who asked was killed meanwhile
                raise

    def _answer(self, operation: int, number: int, body: bytes, who: tuple[int, int]) -> bytes:
        if operation not in self._answers:
            raise Refused(errno.ENOSYS)
        node = self._files.nodes.get(number or 1)
        if node is None:
            raise Refused(errno.ESTALE)
        return self._answers[operation](node, body, who)

    def _greet(self, _node: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        _, _, readahead, offered = struct.unpack_from("<4I", body)
        flags = offered & (ATOMIC_O_TRUNC | BIG_WRITES | MAX_PAGES)
        pages = MAX_WRITE // 4096
        return struct.pack("<4I2H2I2H8I", *PROTOCOL, readahead, flags, 12, 10, MAX_WRITE, 1, pages, *(0,) * 9)

    def _lookup(self, folder: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        return _entry(self._files.child(folder, _name(body)))

    def _set(self, node: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        valid, _, _, size, *_, mode, _, uid, gid, _ = SET.unpack_from(body)
        if valid & SET_MODE:
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        if valid & SET_UID:
            node.uid = uid
        if valid & SET_GID:
            node.gid = gid
        if valid & SET_SIZE:
            node.resize(size)
        return ATTRIBUTES_FOR.pack(CACHED_SECONDS, 0, 0) + _attributes(node)

    def _symlink(self, folder: Node, body: bytes, who: tuple[int, int]) -> bytes:
        name, target, *_ = body.split(b"\0")
        node = Node(stat.S_IFLNK | 0o777, *who, data=bytearray(target), on_disk=bytearray(target))
        return _entry(self._files.make(folder, name, node))

    def _make_node(self, folder: Node, body: bytes, who: tuple[int, int]) -> bytes:
        mode, _, umask = struct.unpack_from("<3I", body)
        return _entry(self._files.make(folder, _name(body[16:]), Node(mode & ~umask, *who)))

    def _make_folder(self, folder: Node, body: bytes, who: tuple[int, int]) -> bytes:
        mode, umask = struct.unpack_from("<2I", body)
        return _entry(self._files.make(folder, _name(body[8:]), Node(stat.S_IFDIR | mode & ~umask, *who)))

    def _remove(self, folder: Node, body: bytes, *, is_folder: bool) -> bytes:
        self._files.remove(folder, _name(body), is_folder=is_folder)
        return b""

    def _rename(self, folder: Node, to: bytes, flags: int, names: bytes) -> bytes:
        if flags & ~RENAME_NOREPLACE:
            raise Refused(errno.EINVAL)
        before, after, *_ = names.split(b"\0")
        to_folder = self._files.nodes[int.from_bytes(to, "little")]
        self._files.rename(folder, before, to_folder, after, may_replace=not flags)
        return b""

    def _link(self, folder: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        node = self._files.nodes[int.from_bytes(body[:8], "little")]
        return _entry(self._files.link(node, folder, _name(body[8:])))

    def _create(self, folder: Node, body: bytes, who: tuple[int, int]) -> bytes:
        flags, mode, umask = struct.unpack_from("<3I", body)
        node = Node(stat.S_IFREG | mode & ~umask, *who)
        self._files.make(folder, _name(body[16:]), node)
        if flags & os.O_DSYNC:
            self._files.sync(node)
        return _entry(node) + OPENED.pack(0, KEEP_CACHE, 0)

    def _open(self, node: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        (flags,) = struct.unpack_from("<I", body)
        if flags & os.O_TRUNC:
            node.resize(0)
        return OPENED.pack(0, KEEP_CACHE, 0)

    def _read(self, node: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        _, offset, size, *_ = PLACED.unpack_from(body)
        return bytes(node.data[offset : offset + size])

    def _write(self, node: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        _, offset, size, _, _, flags, _ = PLACED.unpack_from(body)
        node.write(offset, body[PLACED.size : PLACED.size + size])
        if flags & os.O_DSYNC:
            self._files.sync(node)
        return struct.pack("<2I", size, 0)

    def _sync(self, node: Node, _body: bytes, _who: tuple[int, int]) -> bytes:
        self._files.sync(node)
        return b""

    def _open_folder(self, folder: Node, _body: bytes, _who: tuple[int, int]) -> bytes:
        handle = next(self._handles)
        self._listings[handle] = [*folder.names.items()]
        return OPENED.pack(handle, 0, 0)

    def _close_folder(self, _folder: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        del self._listings[int.from_bytes(body[:8], "little")]
        return b""

    def _list(self, _folder: Node, body: bytes, _who: tuple[int, int]) -> bytes:
        handle, offset, size, *_ = PLACED.unpack_from(body)
        listed = bytearray()
        for position, (name, node) in enumerate(self._listings[handle][offset:], offset + 1):
            kind = stat.S_IFMT(node.mode) >> 12
            entry = struct.pack("<QQII", node.number, position, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(listed) + len(entry) > size:
                break
            listed += entry
        return bytes(listed)


NEVER_ANSWERED = (2, 36, 42)
"""Forget, interrupt, forget many."""


def _name(body: bytes) -> bytes:
    return body[: body.index(b"\0")]


def _attributes(node: Node) -> bytes:
    size, seconds = len(node.data), int(node.modified)
    fraction = int((node.modified - seconds) * 1e9)
    times = (seconds,) * 3, (fraction,) * 3
    owner = (node.mode, 2 if node.is_folder else node.links, node.uid, node.gid, 0, 4096, 0)
    return ATTRIBUTES.pack(node.number, size, -(-size // 512), *times[0], *times[1], *owner)


def _entry(node: Node) -> bytes:
    return ENTRY.pack(node.number, 0, CACHED_SECONDS, CACHED_SECONDS, 0, 0) + _attributes(node)
