#!/usr/bin/python3
"""Reads every object of a repository, as docs/design/backup.md describes them, and holds them against one another.

    read_objects.py STORE VAULT (--key-file FILE | --password TEXT | --recovery-code TEXT | --host-key FILE | --recipient FILE)

What a restore needs is read by read_repo.py. This goes on with the rest, which nobody needs who only restores: packs by their footers,
logs, checkpoints and the past, collections, graves, sessions, parity. It says what is wrong, and ends with 1.
"""
import argparse
import base64
import hashlib
import hmac
import re
import struct
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from read_repo import INDEX, MAGIC, SNAPSHOT, ZERO_CLASS, Container, cbor, crc32c, hkdf_expand, need, open_repository, public_bytes

PARITY = bytes.fromhex("dae2b574e9812da0")
LOG, SESSION, COLLECTION, PROGRESS, CHECKPOINT, PIECE, BOOK = 5, 6, 7, 9, 10, 11, 12
BODIES = {"session": {1}, "snapshot": {1, 2}, "commit": {1}, "tag": {1, 2}, "hold": {1, 2}, "release": {1}, "forget": {1}, "damage": {1, 2, 3},
          "gc-sweep": {1, 2}, "shred": {1, 2, 3}, "rotate": {1}}
ULID = "0123456789abcdefghjkmnpqrstvwxyz"


def times_two(number, ones):
    """Every byte of a large number times two in GF(2^8), over x^8+x^4+x^3+x^2+1; `ones`: 01 in each byte."""
    high = (number >> 7) & ones
    return ((number & ones * 0x7F) << 1) ^ high * 0x1D


def check_parity(store):
    """Every parity file is what its object makes it: a copy of small ones, sums over the stripes of large ones."""
    stripe = 65536
    for path in sorted(p for p in (store / "par").rglob("*") if p.is_file()):
        name = path.relative_to(store / "par")
        copy = name.parts[0] == "m"
        target = store / (name.relative_to("m") if copy else name)
        if not target.exists():
            continue  # left by a kill
        raw, parity = target.read_bytes(), path.read_bytes()
        need(copy == (len(raw) <= stripe), f"{name}: parity of the wrong kind")
        if copy:
            need(raw == parity, f"{name}: a copy that differs")
            continue
        need(hashlib.sha256(parity[:-32]).digest() == parity[-32:], f"{name}: the parity is damaged")
        mode, size = parity[8], struct.unpack_from("<Q", parity, 16)[0]
        need(parity[:8] == PARITY and mode in (1, 2) and not any(parity[9:16]) and size == len(raw), f"{name}: no parity of it")
        stripes = [raw[at:at + stripe].ljust(stripe, b"\0") for at in range(0, size, stripe)]
        rows = -(-len(stripes) // (32 if mode == 1 else 16))
        ones, p, q = int.from_bytes(b"\1" * stripe, "little"), [0] * rows, [0] * rows
        for number in reversed(range(len(stripes))):  # Horner: the last place of a row first
            row, data = number % rows, int.from_bytes(stripes[number], "little")
            p[row] ^= data
            q[row] = times_two(q[row], ones) ^ data
        sums = [s.to_bytes(stripe, "little") for s in p + (q if mode == 2 else [])]
        wanted = parity[:24] + struct.pack(f"<{len(stripes) + len(sums)}I", *(crc32c(s) for s in stripes + sums)) + b"".join(sums)
        need(parity[:-32] == wanted, f"{name}: the parity is not that of its object")


def to_cbor(value):
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        size = 0 if number < 1 << 8 else 1 if number < 1 << 16 else 2 if number < 1 << 32 else 3
        return bytes([major << 5 | 24 + size]) + number.to_bytes(1 << size, "big")

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(to_cbor, value))
    pairs = sorted((to_cbor(key), to_cbor(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def ulid(text):
    number = 0
    for digit in text:
        number = number << 5 | ULID.index(digit)
    return number.to_bytes(16, "big")


def rows(data, size):
    need(len(data) % size == 0, "rows that are cut short")
    return [data[at:at + size] for at in range(0, len(data), size)]


def ascending(data, size):
    found = rows(data, size)
    need(all(a < b for a, b in zip(found, found[1:])), "rows out of order")
    return found


def merkle(hashes):
    """RFC 6962 over leaves that are hashed already."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + merkle(hashes[:left]) + merkle(hashes[left:])).digest()


def leaf(text):
    return hashlib.sha256(b"\0" + text.encode()).digest()


def lines_of(data):
    """A leaf for each {number u64, hash[32]}."""
    return [leaf(f"{struct.unpack_from('<Q', row)[0]} {row[8:].hex()}") for row in rows(data, 40)]


class Reader:
    def __init__(self, repository):
        self.repository, self.store = repository, repository.store
        self.names = sorted(str(path.relative_to(self.store)) for path in self.store.rglob("*") if path.is_file() and path.name[0] != ".")
        self.identity = public_bytes(Ed25519PrivateKey.from_private_bytes(repository.ring[3]))
        self.chains = {}
        self.booked = {}  # SHA-256 of each record of a writer, by its number
        self.sheets = set()

    def raw(self, name):
        return (self.store / name).read_bytes()

    def named_by_hash(self, name):
        raw = self.raw(name)
        need(name.endswith(hashlib.sha256(raw).hexdigest()), f"{name} is not what its name says")
        return raw

    def open(self, raw, kind):
        return self.repository.small(raw, kind)

    def below(self, folder):
        return [name for name in self.names if name.startswith(folder + "/")]

    def pack(self, name):
        raw = self.named_by_hash(name)
        container = Container(self.repository.repo, raw[:96], self.repository.dek)
        magic, offset, length, frames, chunks, crc = struct.unpack("<8sQIIII", raw[-32:])
        need(container.kind in (1, 2) and magic == MAGIC["trailer"] and crc == crc32c(raw[-32:-4]), f"{name}: a damaged trailer")
        seq, footer, end = container.open_frame(raw, offset)
        need(seq == 0xFFFFFFFF and end == offset + length == len(raw) - 32, f"{name}: a footer in another place")
        need(struct.unpack_from("<II", footer) == (frames, chunks), f"{name}: footer and trailer differ")
        plain, at = [], 96
        for number in range(frames):
            place, clen, plain_len, codec = struct.unpack_from("<QIIB", footer, 8 + 20 * number)
            seq, content, after = container.open_frame(raw, at)
            need((place, 20 + clen, plain_len, seq) == (at, after - at, len(content), number), f"{name}: frame {number} differs from the footer")
            need(codec in (0, 1) and footer[25 + 20 * number:28 + 20 * number] == bytes(3), f"{name}: a codec that nobody knows")
            plain.append(content)
            at = after
        need(at == offset, f"{name}: something between its frames")
        for row in rows(footer[8 + 20 * frames:], 44):
            frame, zero, start, size = struct.unpack_from("<HHII", row, 32)
            data = bytes([container.kind]) + plain[frame][start:start + size]
            key = self.repository.classes[container.class_id][2]
            need(zero == 0 and hmac.digest(key, data, "sha256") == row[:32], f"{name}: a chunk is not the one its id names")
        need(len(footer) == 8 + 20 * frames + 44 * chunks, f"{name}: a footer of another length")

    def book(self, name):
        for sheet in cbor(self.open(self.named_by_hash(name), BOOK))[1]:
            self.sheets.add(hashlib.sha256(sheet).digest())
            chains = cbor(sheet)
            writers = [chain[1] for chain in chains]
            need(chains and to_cbor(chains) == sheet and writers == sorted(set(writers)), f"{name}: a sheet that nobody would write so")
            for chain in chains:
                rows_of = self.booked.setdefault(chain[1], {})
                need(chain[3] and (4 not in chain or chain[2] == 0 and rows(chain[4], 16)), f"{name}: a chain of nothing, or names it does not need")
                for number, (sha, kind, stored, body) in enumerate(chain[3], chain[2]):
                    need(len(sha) == 32 and isinstance(stored, int) and set(body) == BODIES[kind], f"{name}: a “{kind}” with another body")
                    need(rows_of.setdefault(number, sha) == sha, f"{name}: two records of one number")

    def chain(self, writer, names):
        booked = self.booked.get(bytes.fromhex(writer), {})
        need(all(number in booked for number in range(len(booked))), f"log/{writer}: a book with a gap")
        names = [name for name in names if int(name.rsplit("/", 1)[1]) >= len(booked)]
        if not names:
            return
        before = booked[len(booked) - 1] if booked else bytes(32)
        for number, name in enumerate(names, len(booked)):
            raw = self.raw(name)
            record = cbor(self.open(raw, LOG))
            need(name == f"log/{writer}/{number:08}" and record[1] == number and record[2] == before, f"{name}: a chain with a gap")
            mac_key = hkdf_expand(self.repository.dek(Container(self.repository.repo, raw[:96], self.repository.dek)), b"tenon/1/log", 32)
            said = to_cbor({key: record[key] for key in range(1, 6)})
            need(hmac.digest(mac_key, said, "sha256") == record[6], f"{name}: a record with another MAC")
            need(set(record[5]) == BODIES[record[3]], f"{name}: a “{record[3]}” with another body")
            need(8 not in record or number == 0 and rows(record[8], 16), f"{name}: names it does not need")
            before = hashlib.sha256(raw).digest()
        self.chains[bytes.fromhex(writer)] = struct.pack("<Q", len(booked) + len(names)) + before

    def piece(self, root, level):
        """The leaves of all that came before, as a piece of the past tells them."""
        (name,) = [each for each in self.below("past") if each.startswith(f"past/{root.hex()}-")]
        content = cbor(self.open(self.named_by_hash(name), PIECE))
        need(content[1] == level and len(content[2]) == 64 * 40, f"{name}: another piece")
        leaves = lines_of(content[2]) if level == 0 else [each for row in rows(content[2], 40) for each in self.piece(row[8:], level - 1)]
        need(merkle(leaves) == root, f"{name}: another root")
        return leaves

    def checkpoint(self, name):
        said = cbor(self.open(self.raw(name), CHECKPOINT))
        text, signature = said[1].split("\n\u2014 ")
        key_name = f"backup/{self.identity[:8].hex()}"
        given = base64.b64decode(signature.removeprefix(key_name + " "))
        need(given[:4] == hashlib.sha256(key_name.encode() + b"\n\1" + self.identity).digest()[:4], f"{name}: signed with another key")
        try:
            Ed25519PublicKey.from_public_bytes(self.identity).verify(given[4:], text.encode())
        except InvalidSignature:
            need(False, f"{name}: a signature that does not fit")
        first, *lines = text.splitlines()
        record = dict(line.split(" ", 1) for line in lines)
        need(first == "backup-checkpoint 1" and record["repository"] == self.repository.repo.hex(), f"{name}: of another repository")
        need(name == f"checkpoint/{int(record['number']):08}", f"{name}: another number")
        leaves = [each for row in rows(said.get(8, b""), 41) for each in self.piece(row[9:], row[0])] + lines_of(said[2])
        need(merkle(leaves).hex() == record["past"], f"{name}: another past")
        need((said[2] or bytes(32))[-32:].hex() == record["before"], f"{name}: another one before")
        held = {"snapshot": ascending(said[3], 16), "pack": ascending(said[4], 32), "index": ascending(said[5], 32)}
        counts = [len(ids) for ids in held.values()]
        held["sheet"] = ascending(said.get(10, b""), 32)
        chains = ascending(said[6], 56)
        state = [f"{word} {each.hex()}" for word, ids in held.items() for each in ids]
        state += [f"log {row[:16].hex()} {struct.unpack_from('<Q', row, 16)[0]} {row[24:].hex()}" for row in chains] + ["keys " + record["keys"]]
        need(merkle([leaf(line) for line in sorted(state)]).hex() == record["state"], f"{name}: another state")
        *counted, writers = map(int, record["holds"].split())
        need(counted == counts and writers >= len(chains) and (held["sheet"] or writers == len(chains)), f"{name}: other counts")
        return held, {row[:16]: row[16:] for row in chains}, writers

    def collection(self, name):
        content, what = cbor(self.open(self.raw(name), COLLECTION)), name.rsplit("/", 1)[1]
        if what == "lease":
            need([len(content[key]) for key in (1, 2, 3)] == [8, 16, 16], f"{name}: another lease")
        elif what == "intent":
            need(all(len(each) == 32 for each in content[1]), f"{name}: another intent")
        elif what == "wait":
            need(all(each.startswith("sess/") for each in content[1]), f"{name}: waits for no session")
        else:
            need(what == "sweep" and content[1] in (0, 1) and all(len(each) == 16 for each in content[2]), f"{name}: another flag")
        need(what == "lease" or re.fullmatch(r"gc/[0-9]{8}/[a-z]+", name), f"{name}: nobody calls it so")

    def session(self, name):
        if name.endswith("/progress"):
            content = cbor(self.open(self.raw(name), PROGRESS))
            need(content[1] == 1 and name.split("/")[1] == content[3].hex() and len(content[4]) == 32, f"{name}: another record of progress")
        else:
            content = cbor(self.open(self.raw(name), SESSION))
            need(set(content) == {1, 2} and len(content[2]) == 8, f"{name}: another beacon")

    def grave(self, name):
        first, *dead = self.open(self.named_by_hash(name), COLLECTION).decode().splitlines()
        need(first in ("gone 1", "gone 2"), f"{name}: no grave")
        need(not set(dead) & set(self.names), f"{name}: what it buries is there")

    def read_all(self):
        known = {"super", "super.1"}
        need(self.raw("super") == self.raw("super.1"), "the superblocks differ")
        for name in self.below("packs"):
            self.pack(name)
        for name in self.below("book"):
            self.book(name)
        logs = self.below("log")
        for writer in sorted({name.split("/")[1] for name in logs}):
            self.chain(writer, [name for name in logs if name.split("/")[1] == writer])
        for folder, read in (("gc", self.collection), ("sess", self.session), ("gone", self.grave), ("past", lambda name: self.open(
                self.named_by_hash(name), PIECE))):
            for name in self.below(folder):
                read(name)
        for name in self.below("snap"):
            snapshot = cbor(self.open(self.named_by_hash(name), SNAPSHOT))
            need(snapshot[1] == 1 and name[5:31] and ulid(name[5:31]) == snapshot[2], f"{name}: another snapshot")
        checkpoints = [self.checkpoint(name) for name in self.below("checkpoint")]
        if checkpoints:
            held, chains, writers = checkpoints[-1]
            need(chains == self.chains, "logs are not those of the newest checkpoint")
            need(set(held["sheet"]) == self.sheets, "sheets are not those of the newest checkpoint")
            need(writers == len(set(self.chains) | set(self.booked)), "other chains than the newest checkpoint counts")
            need({each.hex() for each in held["pack"]} <= {name[-64:] for name in self.below("packs")}, "a pack of the checkpoint is missing")
            need({each.hex() for each in held["index"]} == {name[-64:] for name in self.below("index")}, "other segments than the checkpoint's")
        check_parity(self.store)
        folders = {"packs", "index", "snap", "log", "sess", "gc", "checkpoint", "past", "gone", "par", "book"}
        need(all(name in known or name.split("/")[0] in folders for name in self.names), "an object that nobody knows")


def main():
    repository, _ = open_repository(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    reader = Reader(repository)
    reader.read_all()
    print(f"{len(reader.names)} objects are what the description says")


if __name__ == "__main__":
    main()
