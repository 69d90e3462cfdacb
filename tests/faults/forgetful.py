"""A tree of files that knows what would be left after a power cut: what was synced, and nothing that was not.

It keeps two of everything in memory: as programs see it, and as it is on the disk. A sync of a file brings its bytes to
the disk, and every name given, changed or taken away before (a journalling file system writes those in order). Whoever
writes with O_SYNC or O_DSYNC syncs with each write. `power_cut` throws away the rest, or, given a random source, keeps
pages of it at random, as a disk's cache does: that tears writes apart.
"""

from __future__ import annotations

import errno
import stat
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from random import Random

PAGE_BYTES = 4096
"""What a disk's cache keeps or forgets as one."""
ROOT = 1

_numbers = count(ROOT + 1)


class Refused(Exception):
    """What was asked cannot be done; the argument is the number that the kernel gives for it."""


@dataclass(eq=False)
class Node:
    """A file, a folder or a link. `data` is a file's bytes, or where a link leads."""

    mode: int
    uid: int = 0
    gid: int = 0
    number: int = field(default_factory=lambda: next(_numbers))
    data: bytearray = field(default_factory=bytearray)
    names: dict[bytes, Node] = field(default_factory=dict)
    links: int = 1
    modified: float = field(default_factory=time.time)
    on_disk: bytearray = field(default_factory=bytearray)
    names_on_disk: dict[bytes, Node] = field(default_factory=dict)
    unsynced: list[tuple[int, int]] = field(default_factory=list)
    """Where `data` was written since it was last synced: from, and before where."""

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def write(self, offset: int, data: bytes) -> None:
        """Put it there; what lies between the end and there becomes zeros."""
        if offset > len(self.data):
            self.resize(offset)
        self.data[offset : offset + len(data)] = data
        self._touched(offset, offset + len(data))

    def resize(self, size: int) -> None:
        """Cut off, or fill up with zeros."""
        before = len(self.data)
        if size < before:
            del self.data[size:]
        else:
            self.data.extend(bytes(size - before))
        self._touched(min(size, before), max(size, before))

    def _touched(self, start: int, end: int) -> None:
        self.modified = time.time()
        if self.unsynced and self.unsynced[-1][1] == start:
            self.unsynced[-1] = (self.unsynced[-1][0], end)
        else:
            self.unsynced.append((start, end))

    def sync(self) -> None:
        """Bring its bytes to the disk."""
        self._size_on_disk(len(self.data))
        for start, end in self.unsynced:
            self.on_disk[start:end] = self.data[start:end]
        self.unsynced.clear()

    def tear(self, random: Random) -> None:
        """Bring some of the pages to the disk that were not synced, as chance has it; and its length, or not."""
        pages = {
            page for start, end in self.unsynced for page in range(start // PAGE_BYTES, -(-end // PAGE_BYTES))
        }
        kept = [page * PAGE_BYTES for page in sorted(pages) if random.random() < 0.5]
        if kept and random.random() < 0.5:
            self._size_on_disk(len(self.data))
        for start in kept:
            end = min(start + PAGE_BYTES, len(self.data), len(self.on_disk))
            self.on_disk[start:end] = self.data[start:end]

    def _size_on_disk(self, size: int) -> None:
        del self.on_disk[size:]
        self.on_disk.extend(bytes(size - len(self.on_disk)))

    def forget(self) -> None:
        """Be again what the disk has."""
        if self.unsynced:
            self.data = bytearray(self.on_disk)
            self.unsynced.clear()
        self.names = dict(self.names_on_disk)


class ForgetfulFiles:
    """The tree. Methods raise `Refused` as a file system would refuse."""

    def __init__(self) -> None:
        self.root = Node(stat.S_IFDIR | 0o755, number=ROOT)
        self.nodes = {ROOT: self.root}
        self._renamed_in: set[Node] = set()
        """Folders whose names are not yet all on the disk."""

    def child(self, folder: Node, name: bytes) -> Node:
        """What stands under this name."""
        if name not in folder.names:
            raise Refused(errno.ENOENT)
        return folder.names[name]

    def make(self, folder: Node, name: bytes, node: Node) -> Node:
        """Put a new one under a name that is free."""
        if name in folder.names:
            raise Refused(errno.EEXIST)
        self.nodes[node.number] = node
        self._name(folder, name, node)
        return node

    def link(self, node: Node, folder: Node, name: bytes) -> Node:
        """One more name for the same file."""
        node.links += 1
        return self.make(folder, name, node)

    def remove(self, folder: Node, name: bytes, *, is_folder: bool) -> None:
        """Take a name away; a folder must be empty."""
        node = self.child(folder, name)
        if node.is_folder != is_folder:
            raise Refused(errno.ENOTDIR if is_folder else errno.EISDIR)
        if node.names:
            raise Refused(errno.ENOTEMPTY)
        node.links -= 1
        self._name(folder, name, None)

    def rename(
        self, folder: Node, name: bytes, to_folder: Node, to_name: bytes, *, may_replace: bool
    ) -> None:
        """Move a name, over another one if there is one and that may be."""
        node = self.child(folder, name)
        there = to_folder.names.get(to_name)
        if there is node:
            return
        if there is not None:
            if not may_replace:
                raise Refused(errno.EEXIST)
            self.remove(to_folder, to_name, is_folder=node.is_folder)
        self._name(to_folder, to_name, node)
        self._name(folder, name, None)

    def _name(self, folder: Node, name: bytes, node: Node | None) -> None:
        folder.modified = time.time()
        self._renamed_in.add(folder)
        if node is None:
            del folder.names[name]
        else:
            folder.names[name] = node

    def sync(self, node: Node) -> None:
        """What fsync and fdatasync of a file or a folder do."""
        node.sync()
        for folder in self._renamed_in:
            folder.names_on_disk = dict(folder.names)
        self._renamed_in.clear()

    def sync_all(self) -> None:
        """What sync(2) and an orderly unmount do."""
        for node in self.nodes.values():
            self.sync(node)

    def power_cut(self, torn_by: Random | None = None) -> int:
        """Be what the disk has. Returns how many bytes and names were not synced."""
        lost = sum(end - start for node in self.nodes.values() for start, end in node.unsynced)
        lost += sum(len(node.names.keys() ^ node.names_on_disk.keys()) for node in self._renamed_in)
        for node in self.nodes.values():
            if torn_by is not None and node.unsynced:
                node.tear(torn_by)
            node.forget()
        self._renamed_in.clear()
        standing = self._reachable(self.root)
        self.nodes = {node.number: node for node in standing}
        for number, names in Counter(node.number for node in standing).items():
            self.nodes[number].links = names
        return lost

    def _reachable(self, node: Node) -> list[Node]:
        below = [found for child in node.names.values() for found in self._reachable(child)]
        return [node, *below]
