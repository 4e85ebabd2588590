#!/usr/bin/python3
"""Reads a repository from docs/design/backup.md alone and restores a snapshot: the proof that the page is complete.

    read_repo.py STORE VAULT TARGET (--key-file FILE | --password TEXT | --recovery-code TEXT | --host-key FILE | --recipient FILE)
                 [--snapshot N]

Shares no code with the library. Needs python3-cryptography and libzstd; a password also needs libsodium. Verifies every
commitment, tag and chunk id. Restores names, bytes, links, modes and times.
"""
import argparse
import base64
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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAGIC = {
    "super": bytes.fromhex("853de349027ab9e8"),
    "container": bytes.fromhex("ca881387d747eb82"),
    "frame": bytes.fromhex("c252f612d3d45062"),
    "trailer": bytes.fromhex("cb3aff0f67c56699"),
    "slot": bytes.fromhex("c5560f91b32521cb"),
}
INDEX, SNAPSHOT, RING = 3, 4, 8
PASSWORD, KEY_FILE, RECOVERY_CODE, RECIPIENT, HOST = 1, 2, 3, 4, 5
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


def public_bytes(private_key):
    return private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_text(text, label):
    digits = text.replace("-", "").replace(" ", "").upper().translate(str.maketrans("018", "OIB"))
    code = base64.b32decode(digits)
    need(len(code) == 35, "a key as text has 56 letters and digits")
    need(hashlib.sha256(label + code[:32]).digest()[:3] == code[32:], "a slip in the key")
    return code[:32]


def key_file(raw):
    if len(raw) == 32:
        return raw
    (line,) = (line for line in raw.decode().splitlines() if line and not line.startswith("#"))
    need(line.startswith("key-file "), "not a key file")
    return key_text(line.removeprefix("key-file "), b"tenon/1/text/key-file")


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
    def __init__(self, store, vault, kind, secret):
        self.store = Path(store)
        raw = (self.store / "super").read_bytes()
        need(len(raw) == 4096 and raw[:8] == MAGIC["super"], "no superblock")
        need(hashlib.sha256(raw[:4064]).digest() == raw[4064:], "the superblock is damaged")
        form, min_reader, mandatory = struct.unpack_from("<HHI", raw, 8)
        need(form == 1 and min_reader <= 1 and mandatory == 0, "made by a newer version")
        need(raw[44:47] == b"\x01\x01\x01", "other algorithms")
        self.repo = raw[20:36]
        generation, root, identity = self.unlock(Path(vault), kind, secret)
        ring_key = hkdf_expand(root, b"tenon/1/ring" + self.repo, 32)
        ring = cbor(self.small((Path(vault) / "ring" / str(generation)).read_bytes(), RING, lambda _: ring_key))
        need(ring[1] == generation, "a ring of another generation")
        if identity is not None:
            need(public_bytes(Ed25519PrivateKey.from_private_bytes(ring[3])) == identity, "a slot that somebody else sealed")
        self.ring, self.classes, self.erased = ring, ring[2], ring.get(4, {})
        self.load_index()
        self.frames = {}

    def unlock(self, vault, kind, secret):
        turning = (vault / "turn/commit").read_bytes() if (vault / "turn/commit").exists() else None
        for slot in sorted((vault / "slot").iterdir()):
            opened = self.open_slot(slot.read_bytes(), kind, secret)
            if opened is None:
                continue
            if turning is not None and opened[0] < struct.unpack("<I", turning)[0]:
                opened = self.open_slot((vault / "turn" / slot.name.removesuffix(".1")).read_bytes(), kind, secret)
                need(opened is not None, "a rotation left this key out")
            return opened
        fail("no slot opens with this key")

    def open_slot(self, raw, kind, secret):
        """(generation, root key, who sealed it), or None for a slot of another key."""
        need(raw[:8] == MAGIC["slot"], "a slot is damaged")
        kdf, form, generation, cost, passes, _lanes = struct.unpack_from("<BHIIII", raw, 9)
        if raw[8] != kind:
            return None
        salt, commitment, wrapped = raw[28:60], raw[60:92], raw[92:140]
        if kdf == 1:
            need(19 * 1024 <= cost <= 1 << 20 and 2 <= passes <= 16, "a cost that no slot has")
            secret = argon2id(secret, salt, cost, passes)
        elif kdf == 2:
            need(600000 <= cost <= 10000000, "a cost that no slot has")
            secret = hashlib.pbkdf2_hmac("sha256", secret, salt, cost)
        tail = self.repo + bytes([kind])
        if form == 0:
            okm, aad, identity = hkdf(salt, secret, b"tenon/1/slot" + tail, 64), raw[:92], None
            if not hmac.compare_digest(okm[32:], commitment):
                return None
        else:
            (label,) = struct.unpack_from("<H", raw, 140)
            ephemeral, public, bond, identity = (raw[142 + label + 32 * i:174 + label + 32 * i] for i in range(4))
            need(form == 1 and len(raw) == 142 + label + 192, "a slot of another form")
            own = X25519PrivateKey.from_private_bytes(secret if kind == RECIPIENT else hkdf(salt, secret, b"tenon/1/slot/x25519" + tail, 32))
            if public_bytes(own) != public:
                return None
            if kind != RECIPIENT:
                bond_key = hkdf(salt, secret, b"tenon/1/slot/bond" + tail, 32)
                need(hmac.digest(bond_key, public + identity, "sha256") == bond, "a slot that somebody else sealed")
            Ed25519PublicKey.from_public_bytes(identity).verify(raw[-64:], raw[:-64])
            shared = own.exchange(X25519PublicKey.from_public_bytes(ephemeral))
            okm, aad = hkdf(salt, shared, b"tenon/1/slot" + tail + ephemeral + public, 64), raw[:92] + raw[140:-64]
            need(hmac.compare_digest(okm[32:], commitment), "a slot is damaged")
        return generation, AESGCM(okm[:32]).decrypt(bytes(12), wrapped, aad), identity

    def dek(self, container):
        return self.classes[container.class_id][1][container.dek]

    def is_retired(self, raw):
        """Left by a process that slept through a rotation of data keys: it counts for nothing."""
        return struct.unpack_from("<H", raw, 10)[0] < min(self.classes[ZERO_CLASS][1])

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
            if self.is_retired(raw):
                continue
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
            if self.is_retired(raw):
                continue
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
            if kind == 2 and entry[18][0] in self.erased:
                continue
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


def open_repository(parser, *more):
    """The repository that the command line names, and what else that says."""
    for name in ("store", "vault", *more):
        parser.add_argument(name)
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--key-file")
    key.add_argument("--password")
    key.add_argument("--recovery-code")
    key.add_argument("--host-key", help="a file with its bytes")
    key.add_argument("--recipient", help="a file with the 32 bytes of the private key")
    options = parser.parse_args()
    if options.password:
        kind, secret = PASSWORD, options.password.encode()
    elif options.recovery_code:
        kind, secret = RECOVERY_CODE, key_text(options.recovery_code, b"tenon/1/text/recovery")
    else:
        kind = KEY_FILE if options.key_file else HOST if options.host_key else RECIPIENT
        secret = Path(options.key_file or options.host_key or options.recipient).read_bytes()
        secret = key_file(secret) if options.key_file else secret
    return Repository(options.store, options.vault, kind, secret), options


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshot", type=int, default=-1, help="0: the oldest; -1: the newest")
    repository, options = open_repository(parser, "target")
    snapshot = list(repository.snapshots())[options.snapshot]
    repository.restore(snapshot[11][1], os.fsencode(options.target))
    print(f"restored {snapshot[12][1]} files, {snapshot[12][3]} bytes")


if __name__ == "__main__":
    main()
