"""Writes this project's own vectors of the bundle formats: `python -m tests.unit.crypto.make_vectors`.

Every value comes from reference.py, none from `crypto/`. Secrets, nonces and salts are drawn from SHAKE-256 of their
name, so that they come out the same each time; only HPKE draws its own (its ciphertexts differ from run to run).
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from tests.unit.crypto import reference as ref
from tests.unit.crypto.reference import b64u, box, canonical, expand, fields, padded, sha256

TARGET = Path(__file__).parents[2] / "vectors" / "bundle.json"
SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
LARGE_BYTES = 3_000_000
LOG, SENDER, OFFICER = "log.example/2026", "north-police", "north-police/liaison-3"
FILES = (b'{"kind":"share","v":1}', b"", "señas\n".encode())


def draw(name: str, size: int = 32) -> bytes:
    return hashlib.shake_256(b"amparo vectors " + name.encode()).digest(size)


def seal(public: bytes, info: bytes, plain: bytes) -> bytes:
    mlkem, x25519 = MLKEM768PublicKey.from_public_bytes(public[:1184]), X25519PublicKey.from_public_bytes(public[1184:])
    return SUITE.encrypt(plain, hpke.MLKEM768X25519PublicKey(mlkem, x25519), info)


def entry(number: int, data: bytes) -> dict[str, Any]:
    return {
        "object": b64u(draw(f"object {number}", 16)),
        "file": b64u(draw(f"file {number}", 16)),
        "size_bytes": len(data),
        "sha256": b64u(sha256(data)),
        "media_type": "application/vnd.amparo.share+json" if number == 0 else "text/plain",
        "derivation": {"from": b64u(draw("file 1", 16)), "kind": "redacted"} if number == 2 else None,
        "parts": b64u(draw("parts")) if number == 2 else None,
        "pieces": b64u(ref.tree([sha256(piece) for piece in ref.blocks(data, 8 * 2**20)])),
    }


def content() -> dict[str, Any]:
    """Secrets, ctx, manifest, contents, payload."""
    s, b, r, d = (draw(name) for name in "SBRD")
    bundle_id, seed = draw("bundle id", 16), draw("sender seed")
    entries = [canonical(entry(number, data)) for number, data in enumerate(FILES)]
    manifest = canonical(
        {"v": 1, "kind": "share", "entries": [json.loads(one) for one in entries], "handles": [], "spares": []}
    )
    data = b"".join(FILES)
    size = ref.padme(len(data) + len(manifest) + 16)
    ctx = fields(
        "amparo/bundle/v1", "amparo-1", bundle_id, LOG, SENDER, OFFICER, ref.public_key(seed), 1, size
    )  # fmt: skip
    context = hashlib.sha512(ctx).digest()
    prk = ref.extract(b"amparo/bundle/v1", s + b)
    key = expand(prk, fields("amparo/bundle/v1/content", context), 32)
    salts = [expand(prk, fields("amparo/bundle/v1/entry", number), 32) for number in range(4)]
    leaves = [sha256(fields("amparo/v1/entry", salt, one)) for salt, one in zip(salts, [*entries, b""], strict=True)]
    lengths = len(manifest).to_bytes(8, "big") + len(data).to_bytes(8, "big")
    plain = (data + manifest).ljust(size - 16, b"\0") + lengths
    payload = ref.cobblestone(key, context, draw("payload salt", 24), plain)
    return {
        "s": s, "b": b, "r": r, "d": d, "bundle_id": bundle_id, "sender_seed": seed, "ctx": ctx, "prk": prk,
        "input_key": key, "files": list(FILES), "manifest": manifest, "entries": entries, "entry_salts": salts,
        "contents": ref.tree(leaves), "padded_bytes": size, "payload_salt": draw("payload salt", 24),
        "payload": payload, "root": ref.tree([sha256(one) for one in ref.blocks(payload, 2**20)]),
        "c_s": sha256(fields("amparo/v1/cS", bundle_id, s)), "c_b": sha256(fields("amparo/v1/cB", bundle_id, b)),
        "c_r": sha256(fields("amparo/v1/cR", bundle_id, r)),
        "agency_secret": expand(d, fields("amparo/v1/D", "south-ngo"), 32),
    }  # fmt: skip


def large() -> dict[str, Any]:
    """Chunks and segments of a payload that has more than one of each; only digests are kept."""
    plain = draw("large", LARGE_BYTES)
    payload = ref.cobblestone(draw("large key"), b"context", draw("large salt", 24), plain)
    return {
        "large_key": draw("large key"), "large_context": b"context", "large_salt": draw("large salt", 24),
        "large_plain_sha256": sha256(plain), "large_payload_bytes": len(payload),
        "large_payload_sha256": sha256(payload),
        "large_root": ref.tree([sha256(one) for one in ref.blocks(payload, 2**20)]),
    }  # fmt: skip


def parties(made: dict[str, Any]) -> dict[str, Any]:
    """Receiving keys, stanzas, cover, half, shares."""
    secrets = {name: draw(name, 96) for name in ("officer", "second", "operator", "one-time")}
    seed = draw("recovery seed")
    secrets["recovery"] = expand(seed, fields("amparo/v1/recovery-key"), 96)
    public = {name: ref.xwing_public(secret) for name, secret in secrets.items()}
    higher = [draw("coefficient 1")]
    shares = [ref.share(made["s"], higher, x) for x in (1, 2, 3)]
    context = hashlib.sha512(made["ctx"]).digest()
    info = fields("amparo/v1/stanza", context)
    tail = made["r"] + made["agency_secret"]
    plain = {"officer": b"\2\1" + shares[0] + tail, "second": b"\2\2" + shares[1] + tail}
    plain["recovery"] = b"\1\1" + made["s"] + tail
    cover = canonical({"v": 1, "kind": "share", "purposes": ["prosecution"]})
    sealed = box(
        expand(made["r"], fields("amparo/v1/cover"), 32), made["ctx"], draw("cover nonce", 24), padded(cover, 8192)
    )  # fmt: skip
    half = seal(public["operator"], fields("amparo/v1/half", context, 1), made["b"])
    return {
        "receiving_secrets": secrets, "receiving_keys": public, "recovery_seed": seed, "share_coefficient": higher[0],
        "shares": shares, "stanzas_plain": plain,
        "stanzas": {name: seal(public[name], info, one) for name, one in plain.items()},
        "dummies": [seal(ref.xwing_public(draw(f"dummy {n}", 96)), info, draw(f"dummy {n}", 98)) for n in range(5)],
        "cover_json": cover, "cover_nonce": draw("cover nonce", 24), "cover": sealed, "half": half,
    }  # fmt: skip


def header(made: dict[str, Any], who: dict[str, Any]) -> dict[str, Any]:
    """Header, signature, addendum, and what is bound to the header digest."""
    handles = [sha256(fields("amparo/v1/handle", handle_key(made, place))) for place in range(8)]
    raw = canonical(
        {
            "v": 1, "suite": "amparo-1", "bundle_id": b64u(made["bundle_id"]), "log": LOG, "sender_agency": SENDER,
            "sender": OFFICER, "sender_key": b64u(ref.public_key(made["sender_seed"])),
            "padded_bytes": made["padded_bytes"], "agencies": [SENDER, "south-ngo"],
            "stanzas": [b64u(one) for one in (*who["dummies"], *who["stanzas"].values())], "c_s": b64u(made["c_s"]),
            "halves": [{"operator": "one", "c_b": b64u(made["c_b"]), "half_digest": b64u(sha256(who["half"]))}],
            "c_r": b64u(made["c_r"]), "cover_digest": b64u(sha256(who["cover"])),
            "payload_commitment": b64u(made["payload"][:56]), "contents": b64u(made["contents"]),
            "root": b64u(made["root"]), "handles": [b64u(one) for one in handles], "expires": "2031-11",
        }
    )  # fmt: skip
    digest = sha256(raw)
    added = canonical({"v": 1, "officers": []})
    addition = box(
        expand(made["r"], fields("amparo/v1/cover"), 32),
        fields("amparo/v1/cover-addition", digest, "west-court"), draw("addition nonce", 24), padded(added, 8192),
    )  # fmt: skip
    addendum = canonical(
        {
            "v": 1, "bundle_id": b64u(made["bundle_id"]), "header_digest": b64u(digest), "agency": "west-court",
            "stanzas": [b64u(one) for one in (*who["dummies"], *who["stanzas"].values())],
            "cover_addition": b64u(addition),
        }
    )  # fmt: skip
    return {
        "header": raw, "header_digest": digest, "addendum": addendum, "cover_addition_json": added,
        "cover_addition_nonce": draw("addition nonce", 24),
        "header_signature": ref.sign(made["sender_seed"], fields("amparo/v1/header", raw)),
        "handle_secret": draw("handle secret"),
        "handle_public_keys": [handle_key(made, place) for place in (0, 7, 8)], "handles": handles,
        "handle_tag_0": sha256(fields("amparo/v1/handle-tag", handles[0]))[:16],
    }  # fmt: skip


def handle_key(made: dict[str, Any], place: int) -> bytes:
    seed = expand(draw("handle secret"), fields("amparo/v1/handle-key", made["bundle_id"], place), 32)
    return ref.public_key(seed)


def opening(made: dict[str, Any], who: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    """Register key, tags, details, approval, release, entry, fingerprint."""
    bundle_id, r = made["bundle_id"], made["r"]
    tag_key = expand(r, fields("amparo/v1/tag-key"), 32)
    tags = [
        {"agency": agency, "number": n, "tag": mac(tag_key, fields("amparo/v1/tag", agency, n))[:16]}
        for agency, n in ((SENDER, 0), (SENDER, 1), ("south-ngo", 0), ("", 1), ("", 2))
    ]
    core = canonical({"agency": "south-ngo", "number": 0})
    details = canonical({"purpose": "prosecution", "legal_basis": "mla", "place": "", "approval": None})
    key = expand(made["agency_secret"], fields("amparo/v1/details-key", bundle_id), 32)
    salt, nonce = draw("details salt"), draw("details nonce", 24)
    request = canonical({"kind": "open-requested", "v": 1})
    info = fields("amparo/v1/release", sha256(request))
    number = int.from_bytes(sha256(fields("amparo/v1/fingerprint", SENDER, draw("root key")))[:20], "big")
    signs = "".join("0123456789abcdefghjkmnpqrstvwxyz"[number >> shift & 31] for shift in range(155, -1, -5))
    return {
        "tag_key": tag_key, "tags": tags,
        "register_keys": [expand(r, fields("amparo/v1/register-key", n), 32) for n in (1, 2)],
        "register_aad_1": fields("amparo/v1/register", bundle_id, head["header_digest"], 1),
        "core": core, "details": details, "details_salt": salt, "details_key": key, "details_nonce": nonce,
        "details_commitment": sha256(fields("amparo/v1/details", salt, details)),
        "details_box": box(key, sha256(core), nonce, salt + padded(details, 1024)),
        "approval": ref.sign(draw("second seed"), fields("amparo/v1/approve", core, "prosecution", "mla")),
        "approval_seed": draw("second seed"), "request": request,
        "release": seal(who["receiving_keys"]["one-time"], info, made["b"]),
        "entry": b"\2" + tags[0]["tag"] + sha256(fields("amparo/v1/event", draw("event salt"), b"signed event")),
        "event_salt": draw("event salt"), "root_key": draw("root key"),
        "fingerprint": " ".join(signs[start : start + 4] for start in range(0, 32, 4)),
    }  # fmt: skip


def mac(key: bytes, message: bytes) -> bytes:
    return ref.extract(key, message, "sha256")


def hexed(value: Any) -> Any:
    """Bytes as hexadecimal digits, in lists and objects too."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: hexed(item) for name, item in value.items()}
    return [hexed(item) for item in value] if isinstance(value, (list, tuple)) else value


def main() -> None:
    made = content()
    who = parties(made)
    head = header(made, who)
    whole = {"log": LOG, "sender_agency": SENDER, "sender": OFFICER, **made, **large(), **who, **head}
    whole |= opening(made, who, head)
    TARGET.write_text(json.dumps(hexed(whole), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
