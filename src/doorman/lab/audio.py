"""A tone of 400 Hz, 8,000 samples a second, as each program wants to read it."""

import math
import wave
from pathlib import Path

TONE_ULAW = "tone.ulaw"
TONE_WAV = "tone.wav"

_SAMPLE_RATE = 8_000
_SECONDS = 20
_PERIOD = [round(8_000 * math.sin(2 * math.pi * step / 20)) for step in range(20)]
"""One period of the tone in 16-bit samples: 20 of them are 1/400 s."""


def write_tones(directory: Path) -> None:
    """Write the tone as bare G.711 µ-law, for sipp, and as 16-bit WAV, for baresip."""
    (directory / TONE_ULAW).write_bytes(ulaw_tone(_SECONDS * _SAMPLE_RATE))
    with wave.open(str(directory / TONE_WAV), "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(_SAMPLE_RATE)
        periods = _SECONDS * _SAMPLE_RATE // len(_PERIOD)
        tone.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in _PERIOD) * periods)


def ulaw_tone(samples: int) -> bytes:
    """The tone as G.711 µ-law, one byte a sample; whole periods of 20 samples."""
    return bytes(map(_mu_law, _PERIOD)) * (samples // len(_PERIOD))


def _mu_law(sample: int) -> int:
    """A 16-bit sample as ITU-T G.711 µ-law: sign, 3 bits of exponent, 4 of mantissa, all inverted."""
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> exponent + 3 & 0x0F
    return ~(0x80 * (sample < 0) | exponent << 4 | mantissa) & 0xFF
