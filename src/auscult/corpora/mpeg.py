"""Frames of MP3 files, counted without decoding: how long a file is, and whether its last frame is whole.

A decoder estimates the length of an MP3 file without a length header (Xing or Info) from its size, tags included. The
estimate is too long for a file with a tag and too short for one whose bit rate varies. Here the frames are counted, and
a length header is written in front of them.
"""

from dataclasses import dataclass

__all__ = ["MpegFrames", "read_frames"]

_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LAYER_3 = 1
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")


@dataclass(frozen=True)
class MpegFrames:
    """Frames of an MP3 file.

    Parameters
    ----------
    content : bytes of the whole frames, tags excluded
    n_frames : number of frames that hold sound, the frame of a length header excluded
    n_stated : number of frames stated by the length header; None without one
    is_cut : whether the last frame is incomplete
    samples_per_frame : number of samples per channel in a frame
    """

    content: bytes
    n_frames: int
    n_stated: int | None
    is_cut: bool
    samples_per_frame: int

    def with_length(self) -> bytes:
        """Return the frames with a length header in front."""
        header = bytearray(self.content[:4])
        header[1] |= 1  # no checksum
        header[2] = (header[2] & 0x0F) | (9 << 4)  # a bit rate whose frames hold the header
        frame = bytearray(_Header(bytes(header)).n_bytes)
        frame[:4] = header
        start = 4 + _Header(bytes(header)).n_side_bytes
        frame[start : start + 12] = b"Info" + (1).to_bytes(4, "big") + self.n_frames.to_bytes(4, "big")
        return bytes(frame) + self.content


class _Header:
    """The four bytes that begin a frame of MPEG layer III; ``is_valid`` is False for any others."""

    def __init__(self, header: bytes) -> None:
        self.is_valid = False
        if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
            return
        self.version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
        kbps, rate = header[2] >> 4, header[2] >> 2 & 3
        if self.version == 1 or layer != _LAYER_3 or kbps in (0, 15) or rate == 3:
            return
        self.is_valid = True
        self.rate_hz = _RATES_HZ[self.version][rate]
        self.samples = 1152 if self.version == 3 else 576
        bits_per_s = 1000 * _KBPS[1 if self.version == 3 else 2][kbps]
        self.n_bytes = self.samples // 8 * bits_per_s // self.rate_hz + (header[2] >> 1 & 1)
        mono = header[3] >> 6 == 3
        self.n_side_bytes = (17 if mono else 32) if self.version == 3 else (9 if mono else 17)

    def fits(self, other: "_Header") -> bool:
        """Return whether two headers can belong to one file."""
        return other.is_valid and (self.version, self.rate_hz) == (other.version, other.rate_hz)


def read_frames(content: bytes) -> MpegFrames | None:
    """Return the frames of an MP3 file; None if it has no frames of layer III with a stated bit rate."""
    place = _after_tag(content)
    if content.startswith((b"fLaC", b"RIFF", b"OggS"), place):
        return None
    first = _next_frame(content, place, None)
    if first is None:
        return None
    place = first
    start = _Header(content[place : place + 4])
    frames, is_cut, end = [], False, len(content)
    while place < end:
        header = _Header(content[place : place + 4])
        if start.fits(header):
            if place + header.n_bytes > end:
                is_cut = True
                break
            frames.append(content[place : place + header.n_bytes])
            place += header.n_bytes
            continue
        if content.startswith(_TAGS, place):
            break
        following = _next_frame(content, place, start)
        if following is None:
            break
        place = following
    if not frames:
        return None
    n_stated = _stated(frames[0], start)
    return MpegFrames(b"".join(frames), len(frames) - (n_stated is not None), n_stated, is_cut, start.samples)


def _after_tag(content: bytes) -> int:
    """Return the place after all ID3v2 tags at the beginning."""
    place = 0
    while content.startswith(b"ID3", place) and len(content) >= place + 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(content[place + 6 : place + 10], (21, 14, 7, 0)))
        place += 10 + size + (10 if content[place + 5] & 0x10 else 0)
    return place


def _next_frame(content: bytes, place: int, start: _Header | None) -> int | None:
    """Return the place of the next frame that is followed by another one, or by the end of the file."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0:
            return None
        header = _Header(content[place : place + 4])
        if header.is_valid and (start is None or start.fits(header)):
            after = place + header.n_bytes
            following = _Header(content[after : after + 4])
            if after == len(content) or header.fits(following) or content.startswith(_TAGS, after):
                return place
        place += 1


def _stated(frame: bytes, header: _Header) -> int | None:
    """Return the number of frames that the first frame states, if it is a length header."""
    place = 4 + header.n_side_bytes
    if frame[place : place + 4] not in (b"Xing", b"Info") or not frame[place + 7] & 1:
        return None
    return int.from_bytes(frame[place + 8 : place + 12], "big")
