#!/usr/bin/python3
"""Reads a repository from docs/design/backup.md alone and restores a snapshot: the proof that the page is complete.

    read_repo.py STORE VAULT TARGET (--key-file FILE | --password TEXT) [--snapshot N]

Shares no code with the library. Needs python3-cryptography and libzstd; a password also needs libsodium. Verifies every
commitment, tag and chunk id. Restores names, bytes, links, modes and times.
"""
import argparse
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import stat
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

MAGIC = {
    "super": bytes.fromhex("853de349027ab9e8"),
    "container": bytes.fromhex("ca881387d747eb82"),
    "frame": bytes.fromhex("c252f612d3d45062"),
    "trailer": bytes.fromhex("cb3aff0f67c56699"),
    "slot": bytes.fromhex("c5560f91b32521cb"),
}
INDEX, SNAPSHOT, RING = 3, 4, 8
ZERO_CLASS = bytes(16)


def fail(what):
    sys.exit(f"read_repo: {what}")


def need(condition, what):
    if not condition:
        fail(what)


def hkdf(salt, ikm, info, size):
    return HKDF(hashes.SHA256(), size, salt, info).derive(ikm)


def hkdf_expand(prk, info, size):
    return HKDFExpand(hashes.SHA256(), size, info).derive(prk)


def zstd_open(stored, size):
    lib = ctypes.CDLL(ctypes.util.find_library("zstd"))
    lib.ZSTD_decompress.restype = ctypes.c_size_t
    lib.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    out = ctypes.create_string_buffer(max(size, 1))
    got = lib.ZSTD_decompress(out, size, stored, len(stored))
    need(got == size, "a frame does not decompress")
    return out.raw[:size]


def argon2id(password, salt, kib, passes):
    lib = ctypes.CDLL(ctypes.util.find_library("sodium"))
    need(lib.sodium_init() >= 0, "libsodium does not start")
    out = ctypes.create_string_buffer(32)
    lib.crypto_pwhash.argtypes = [ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_char_p,
                                  ctypes.c_ulonglong, ctypes.c_size_t, ctypes.c_int]
    done = lib.crypto_pwhash(out, 32, password, len(password), salt[:16], passes, kib * 1024, 2)
    need(done == 0, "Argon2id failed")
    return out.raw


def crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


class Cbor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(self.at + count <= len(self.data), "CBOR is cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def item(self):
        first = self.take(1)[0]
        major, value = first >> 5, first & 31
        if value >= 24:
            need(value <= 27, "CBOR of indefinite length")
            value = int.from_bytes(self.take(1 << (value - 24)), "big")
        if major == 0:
            return value
        if major == 1:
            return -1 - value
        if major == 2:
            return self.take(value)
        if major == 3:
            return self.take(value).decode()
        if major == 4:
            return [self.item() for _ in range(value)]
        need(major == 5, "CBOR of an unknown type")
        return {self.item(): self.item() for _ in range(value)}


def cbor(data):
    reader = Cbor(data)
    value = reader.item()
    need(reader.at == len(data), "CBOR with something behind it")
    return value


class Container:
    """A sealed object's key, and the frames in it."""

    def __init__(self, repo, header, ikm_of):
        need(header[:8] == MAGIC["container"] and header[9] == 1, "not a sealed object")
        self.kind, (self.dek,) = header[8], struct.unpack_from("<H", header, 10)
        need(struct.unpack_from("<I", header, 12)[0] == crc32c(header[:12] + bytes(4) + header[16:96]), "a damaged header")
        self.class_id, self.salt, commitment = header[16:32], header[32:64], header[64:96]
        self.repo = repo
        info = b"tenon/1/pack" + repo + self.class_id + bytes([self.kind])
        okm = hkdf(self.salt, ikm_of(self), info, 64)
        need(hmac.compare_digest(okm[32:], commitment), "sealed with other keys")
        self.gcm = AESGCM(okm[:32])

    def open_frame(self, raw, at, check_crc=True):
        """The frame at an offset: its content's lengths and plain bytes, and where the next one begins."""
        need(raw[at:at + 8] == MAGIC["frame"], "no frame where one belongs")
        seq, clen, crc = struct.unpack_from("<III", raw, at + 8)
        sealed = raw[at + 20:at + 20 + clen]
        need(len(sealed) == clen, "a frame is cut short")
        need(not check_crc or crc32c(sealed) == crc, "a frame's checksum differs")
        aad = self.repo + self.class_id + bytes([self.kind]) + self.salt + struct.pack("<II", seq, clen)
        content = self.gcm.decrypt(bytes(8) + struct.pack("<I", seq), sealed, aad)
        codec, zero, count, plain_len, stored_len, zero2 = struct.unpack_from("<BBHIII", content)
        need(codec <= 1 and zero == 0 and zero2 == 0, "a frame's content is malformed")
        lengths = struct.unpack_from(f"<{count}I", content, 16)
        start = 16 + 4 * count
        stored = content[start:start + stored_len]
        need(not any(content[start + stored_len:]), "padding is not zero")
        plain = zstd_open(stored, plain_len) if codec else stored
        need(len(plain) == plain_len and (not count or sum(lengths) == plain_len), "lengths do not agree")
        return seq, plain, at + 20 + clen


class Repository:
    def __init__(self, store, vault, key_file, password):
        self.store = Path(store)
        raw = (self.store / "super").read_bytes()
        need(len(raw) == 4096 and raw[:8] == MAGIC["super"], "no superblock")
        need(hashlib.sha256(raw[:4064]).digest() == raw[4064:], "the superblock is damaged")
        form, min_reader, mandatory = struct.unpack_from("<HHI", raw, 8)
        need(form == 1 and min_reader <= 1 and mandatory == 0, "made by a newer version")
        need(raw[44:47] == b"\x01\x01\x01", "other algorithms")
        self.repo = raw[20:36]
        generation, root = self.unlock(Path(vault), key_file, password)
        ring_key = hkdf_expand(root, b"tenon/1/ring" + self.repo, 32)
        ring = self.small((Path(vault) / "ring" / str(generation)).read_bytes(), RING, lambda _: ring_key)
        self.classes = cbor(ring)[2]
        self.load_index()
        self.frames = {}

    def unlock(self, vault, key_file, password):
        for slot in sorted((vault / "slot").iterdir()):
            raw = slot.read_bytes()
            need(raw[:8] == MAGIC["slot"], f"{slot} is damaged")
            kind, kdf = raw[8], raw[9]
            generation, kib, passes, _lanes = struct.unpack_from("<IIII", raw, 12)
            salt = raw[28:60]
            if kind == 1 and kdf == 1 and password is not None:
                secret = argon2id(password.encode(), salt, kib, passes)
            elif kind == 2 and kdf == 0 and key_file is not None:
                secret = Path(key_file).read_bytes()
            else:
                continue
            okm = hkdf(salt, secret, b"tenon/1/slot" + self.repo + bytes([kind]), 64)
            if hmac.compare_digest(okm[32:], raw[60:92]):
                return generation, AESGCM(okm[:32]).decrypt(bytes(12), raw[92:140], raw[:92])
        fail("no slot opens with this key")

    def dek(self, container):
        return self.classes[container.class_id][1][container.dek]

    def small(self, raw, kind, ikm_of=None):
        container = Container(self.repo, raw[:96], ikm_of or self.dek)
        need(container.kind == kind and container.class_id == ZERO_CLASS, "an object of another kind")
        at, plain, expected = 96, b"", 0
        while at < len(raw):
            seq, more, at = container.open_frame(raw, at)
            need(seq == expected, "frames out of order")
            plain, expected = plain + more, expected + 1
        need(struct.unpack_from("<Q", plain)[0] == len(plain), "a small object is cut short")
        return plain[8:]

    def load_index(self):
        self.packs, self.chunks = [], {}
        for name in sorted((self.store / "index").iterdir()):
            raw = name.read_bytes()
            need(name.name.endswith(hashlib.sha256(raw).hexdigest()), f"{name} is damaged")
            data = self.small(raw, INDEX)
            (replaced,) = struct.unpack_from("<I", data)
            at = 4 + 32 * replaced
            (count,) = struct.unpack_from("<I", data, at)
            at += 4
            base = len(self.packs)
            for _ in range(count):
                sha, (frames,) = data[at:at + 32], struct.unpack_from("<I", data, at + 123)
                at += 127
                rows = [struct.unpack_from("<QIIB", data, at + 20 * i) for i in range(frames)]
                at += 20 * frames
                there = (self.store / "packs" / sha.hex()[:2] / sha.hex()).exists()
                self.packs.append((sha.hex(), rows, there))
            (count,) = struct.unpack_from("<Q", data, at)
            at += 8
            for _ in range(count):
                chunk = data[at:at + 32]
                pack, frame, offset, length = struct.unpack_from("<IHII", data, at + 32)
                if self.packs[base + pack][2]:  # a collection takes packs away before the segments that list them
                    self.chunks[chunk] = (base + pack, frame, offset, length)
                at += 46
            need(at == len(data), "a segment is longer than its tables")

    def frame(self, pack, number):
        if (pack, number) not in self.frames:
            if len(self.frames) > 64:
                self.frames.clear()
            sha, rows, _there = self.packs[pack]
            offset, clen, plain_len, _codec = rows[number]
            with open(self.store / "packs" / sha[:2] / sha, "rb") as file:
                container = Container(self.repo, file.read(96), self.dek)
                file.seek(offset)
                seq, plain, _ = container.open_frame(file.read(20 + clen), 0, check_crc=False)
            need(seq == number and len(plain) == plain_len, "a frame is not what the index says")
            self.frames[pack, number] = container.class_id, plain
        return self.frames[pack, number]

    def chunk(self, chunk, kind):
        need(chunk in self.chunks, f"chunk {chunk.hex()} is missing")
        pack, number, offset, length = self.chunks[chunk]
        class_id, plain = self.frame(pack, number)
        data = plain[offset:offset + length]
        found = hmac.new(self.classes[class_id][2], bytes([kind]) + data, hashlib.sha256).digest()
        need(hmac.compare_digest(found, chunk), "a chunk is not the one its id names")
        return data

    def snapshots(self):
        for name in sorted((self.store / "snap").iterdir()):
            raw = name.read_bytes()
            need(name.name.endswith(hashlib.sha256(raw).hexdigest()), f"{name} is damaged")
            yield cbor(self.small(raw, SNAPSHOT))

    def entries(self, root):
        tag, level, items = cbor(self.chunk(root, 2))
        need(tag == 1, "not a directory node")
        for item in items:
            if level == 0:
                yield item
            else:
                yield from self.entries(item[1])

    def refs(self, entry):
        def walk(node):
            tag, level, items = cbor(self.chunk(node, 2))
            need(tag == 2, "not a list node")
            for ref in items:
                if level == 0:
                    yield ref
                else:
                    yield from walk(ref[0])

        yield from entry.get(16, [])
        if 17 in entry:
            yield from walk(entry[17])

    def restore_file(self, entry, path):
        holes, at = list(entry.get(15, [])), 0
        with open(path, "xb") as file:
            for chunk, length in self.refs(entry):
                data = self.chunk(chunk, 1)
                need(len(data) == length, "a chunk has another length")
                while data:
                    while holes and holes[0][0] <= at:
                        at += holes.pop(0)[1]
                    part = data[:holes[0][0] - at] if holes else data
                    file.seek(at)
                    file.write(part)
                    at, data = at + len(part), data[len(part):]
            need(at + sum(length for _, length in holes) == entry[8], "a file's parts do not add up")
            file.truncate(entry[8])

    def restore(self, root, target):
        os.mkdir(target)
        for entry in self.entries(root):
            name = entry[1]
            need(name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name, "a hostile name")
            path, kind = os.path.join(target, name), entry[2]
            if kind == 2:
                self.restore(entry[18][1], path)
            elif kind == 3:
                os.symlink(entry[14], path)
            elif kind == 1:
                self.restore_file(entry, path)
            elif kind == 4:
                os.mkfifo(path)
            else:
                continue
            if kind != 3:
                os.chmod(path, stat.S_IMODE(entry[3]))
            os.utime(path, ns=(entry[9], entry[9]), follow_symlinks=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("vault")
    parser.add_argument("target")
    parser.add_argument("--key-file")
    parser.add_argument("--password")
    parser.add_argument("--snapshot", type=int, default=-1, help="0: the oldest; -1: the newest")
    options = parser.parse_args()
    repository = Repository(options.store, options.vault, options.key_file, options.password)
    snapshot = list(repository.snapshots())[options.snapshot]
    repository.restore(snapshot[11][1], os.fsencode(options.target))
    print(f"restored {snapshot[12][1]} files, {snapshot[12][3]} bytes")


if __name__ == "__main__":
    main()
