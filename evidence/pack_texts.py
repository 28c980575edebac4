"""The plain words that travel inside a pack (docs/protocol.md 10.1)."""

from typing import Final

TRUST_COPY_LEAD: Final = (
    "# This copy is a convenience for whoever unpacks the pack. It proves nothing: whoever could forge the\n"
    "# pack could forge this copy. Check with a trust file that you got from somebody else than from whoever\n"
    "# gave you the pack, and compare its SHA-256 with the one that the court has on paper.\n"
)

_HOW_TO_CHECK: Final = """\
Trust must come from outside this pack: check it with a trust file that you did not get with it.

This is evidence pack {pack}
made by the agency {agency}
for the proceeding {case}.

WHAT YOU NEED

1. The pack as it was given to you: one file that ends in .zip. Do not unpack and pack it again.
2. The trust file of the network, "trust.txt". It names the log, the agencies that confirm its states, and
   one key for each agency. Get it from the court or from an agency that you trust, never from the pack.
   Its SHA-256 stands on paper with the court. Compare:  sha256sum trust.txt
3. The program "amparo", or another program that follows docs/protocol.md, section 10, of Amparo.
   It needs no account, no network and nobody's permission.

HOW TO CHECK

    amparo verify the-pack.zip --trust trust.txt

The program answers with one of four results:
    0   proven: every file is the one that its agency recorded, the custody is whole, and the signers are
        proven from the agencies' keys in your trust file
    3   whole, but the signers are not checked: you gave no trust file
    1   refused: it says what does not fit
    2   there is no pack to read

WITHOUT THE PROGRAM

After unpacking, any program for BagIt bags checks that the files arrived whole, and so do these commands in
the folder "pack":
    sha256sum --check manifest-sha256.txt
    sha512sum --check manifest-sha512.txt
That shows damage on the way. It does not show who made the files: whoever changes a file can change the lists.

WHAT IS IN THE PACK

    data/exhibits/            the exhibits, under their numbers in this pack, unchanged
    data/custody-statement.pdf  who held each exhibit and when, for readers on paper
    data/custody/             the same as signed entries, each with its proof from the log
    data/proofs/, data/bundles/  the proof which agency sealed a file that came from another agency
    data/certificates/        the proof who the signers are
    data/checkpoint           the state of the log to which all proofs lead
    data/trust-copy.txt       a copy of a trust file, for convenience: it proves nothing
    pack.json, pack-built/, pack.sig   the list of all this, its entries in the log, the two signatures

WHAT IS MISSING

{gaps}

WHAT THIS CANNOT SHOW

That what an entry says is true: it shows who said it, that it was not changed since, and in which order.
The times are those of the officers' clocks; the order is that of the log.
What happened to an exhibit after this pack was made.
That no signer was struck off in an entry that was left out of the pack: whoever must be sure of it reads the
log itself, up to the number of entries in data/checkpoint.
"""


def how_to_check(pack: str, agency: str, case: str, gaps: tuple[str, ...]) -> bytes:
    """HOW-TO-CHECK.txt; its first sentence says that trust comes from outside.

    Args:
        pack: id in hexadecimal digits.
        gaps: one sentence for each gap.
    """
    lines = "\n".join(f"- {one_line(gap)}" for gap in gaps) or "Nothing that the makers know of."
    text = _HOW_TO_CHECK.format(pack=pack, agency=agency, case=one_line(case), gaps=lines)
    return text.encode()


def trust_copy(trust: bytes) -> bytes:
    """data/trust-copy.txt: the warning, then the trust file."""
    return TRUST_COPY_LEAD.encode() + trust


def one_line(text: str) -> str:
    """A text of the makers in one line, so that it cannot look like a paragraph of these words."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
