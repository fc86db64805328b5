import numpy as np
import pytest
import soundfile
from places import DATA

from auscult.corpora.audio import (
    audio_length,
    check_waveform,
    decode_audio,
    read_audio,
    resample_waveform,
    rescale_samples,
    write_audio,
)
from auscult.corpora.mpeg import read_frames
from auscult.errors import AudioError, CorpusError


def noise(n_samples=8000, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


def save(path, samples, sample_rate_hz=16000, **options):
    soundfile.write(path, samples, sample_rate_hz, **options)
    return path


def truncate(path, fraction):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    return path


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg"])
def test_every_format_is_decoded_to_the_length_that_was_written(tmp_path, ending):
    recording = read_audio(save(tmp_path / f"a.{ending}", noise()))
    assert recording.waveform.dtype == np.float32
    assert len(recording.waveform) == recording.n_original_samples == 8000


def test_sixteen_bit_audio_survives_reading_and_writing_unchanged(tmp_path):
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    save(tmp_path / "a.wav", samples)
    write_audio(read_audio(tmp_path / "a.wav").waveform, tmp_path / "b.flac")
    assert np.array_equal(soundfile.read(tmp_path / "b.flac", dtype="int16")[0], samples)


def test_written_audio_is_whole_or_absent(tmp_path):
    with pytest.raises(soundfile.SoundFileError):
        write_audio(noise(), tmp_path / "a.flac", sample_rate_hz=-1)
    assert list(tmp_path.iterdir()) == []


def test_length_is_read_from_the_header_alone(tmp_path):
    assert audio_length(save(tmp_path / "a.wav", noise(1234), 8000)) == (8000, 1234)


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    left, right = noise(seed=1), noise(seed=2)
    recording = read_audio(save(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT"))
    assert recording.n_channels == 2
    assert np.allclose(recording.waveform, (left + right) / 2, atol=1e-7)


def test_stereo_in_opposite_phase_is_silence(tmp_path):
    left = noise()
    path = save(tmp_path / "a.wav", np.stack([left, -left], axis=1), subtype="FLOAT")
    with pytest.raises(AudioError, match=r"expected sound in .*a\.wav, found 8000 samples of silence.*channels"):
        read_audio(path)


def test_telephone_audio_is_resampled_and_says_so(tmp_path):
    recording = read_audio(save(tmp_path / "a.wav", noise(), 8000))
    assert (recording.original_sample_rate_hz, recording.sample_rate_hz) == (8000, 16000)
    assert len(recording.waveform) == 2 * recording.n_original_samples


def test_telephone_audio_is_refused_where_resampling_is_off(tmp_path):
    with pytest.raises(AudioError, match=r"expected 16000 Hz, found 8000 Hz in .*a\.wav; allow resampling"):
        read_audio(save(tmp_path / "a.wav", noise(), 8000), resample=False)


@pytest.mark.parametrize("from_hz", [8000, 22050, 44100, 48000])
def test_a_tone_keeps_its_frequency_and_level_at_another_rate(from_hz):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(from_hz) / from_hz)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    # Away from the edges the error is the ripple of a filter of 64 zero crossings, below -60 dB.
    assert np.abs(resample_waveform(tone, from_hz, 16000) - expected)[500:-500].max() < 5e-4


def test_what_lies_above_the_new_band_is_removed():
    hiss = 0.5 * np.sin(2 * np.pi * 9000 * np.arange(48000) / 48000)
    assert np.abs(resample_waveform(hiss, 48000, 16000)[500:-500]).max() < 5e-4


def test_indices_are_rescaled_to_the_nearest_and_stay_within_the_audio():
    assert rescale_samples(np.array([0, 1, 2, 3, 100]), 48000, 16000).tolist() == [0, 0, 1, 1, 33]
    lengths = np.arange(1, 2000)
    assert (rescale_samples(lengths, 44100, 16000) <= -(-lengths * 160 // 441)).all()


def test_rescaling_far_indices_is_exact():
    assert rescale_samples(np.array([10**9 * 441 + 441]), 44100, 16000).tolist() == [10**9 * 160 + 160]


def test_a_missing_recording_is_named():
    with pytest.raises(CorpusError, match=r"expected a recording at nowhere\.wav, found no such file"):
        read_audio("nowhere.wav")


def test_text_called_audio_is_refused(tmp_path):
    (tmp_path / "a.wav").write_text("not audio")
    with pytest.raises(AudioError, match=r"expected audio that can .*, found Format not recognised in .*a\.wav"):
        decode_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("wav", r"expected 16000 bytes of samples in .*a\.wav, found 9582: truncated; fetch it again"),
        ("flac", r"found flac decoder lost sync in .*a\.flac; the file is damaged, truncated"),
        ("mp3", r"expected whole MP3 frames in .*a\.mp3, found 8 of 16 frames and a part of another: truncated; fetch"),
        ("ogg", r"expected the end of the stream in .*a\.ogg, found a truncated file; fetch it again"),
        ("nist", r"expected 8000 samples in .*a\.nist, found 4\d\d\d: truncated"),
    ],
)
def test_a_truncated_recording_is_refused(tmp_path, ending, message):
    path = save(tmp_path / f"a.{ending}", noise(), format=ending.upper())
    with pytest.raises(AudioError, match=message):
        decode_audio(truncate(path, 0.6))


def without_length(path):
    """Cut the length header out of an MP3 file and put a tag in front, as the recordings of Common Voice have it."""
    frames = read_frames(path.read_bytes())
    first = 0
    for place in range(4, len(frames.content)):  # the second frame begins like the first
        if frames.content[place : place + 2] == frames.content[:2] and read_frames(frames.content[place:]):
            first = place
            break
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE\x00\x00\x00\x0f\x00\x00\x03Lavf58.29.100\x00" + bytes(10)
    path.write_bytes(tag + frames.content[first:])
    return path


@pytest.mark.parametrize(("rate", "n_channels"), [(48000, 1), (44100, 2), (22050, 1), (16000, 2), (8000, 1)])
def test_an_mp3_without_a_length_is_read_whole(tmp_path, rate, n_channels):
    # Silence and then noise: the bit rate varies, so the size of the file says little of its length.
    samples = np.concatenate([np.zeros(2 * rate), noise(rate)]).astype(np.float32)
    samples = np.stack([samples] * n_channels, axis=1)
    path = save(tmp_path / "a.mp3", samples, rate, bitrate_mode="VARIABLE")
    whole = decode_audio(path)[0]
    channels, _ = decode_audio(without_length(path))
    assert audio_length(path) == (rate, len(channels))
    assert 0 <= len(channels) - len(whole) < 2000
    delay = len(channels) - len(whole)
    best = max(range(delay + 1), key=lambda shift: float(np.vdot(channels[shift:][: len(whole)], whole)))
    assert np.allclose(channels[best:][: len(whole)], whole, atol=1e-3)


def test_a_truncated_mp3_without_a_length_is_refused(tmp_path):
    path = without_length(save(tmp_path / "a.mp3", noise()))
    with pytest.raises(
        AudioError, match=r"expected whole MP3 frames in .*a\.mp3, found 9 frames and a part of another"
    ):
        audio_length(truncate(path, 0.6))


def test_tags_at_the_end_of_an_mp3_are_no_sound(tmp_path):
    path = without_length(save(tmp_path / "a.mp3", noise()))
    length = audio_length(path)
    path.write_bytes(path.read_bytes() + b"APETAGEX" + bytes(100) + b"TAG" + b"x" * 125)
    assert audio_length(path) == length


def test_messages_call_a_recording_by_its_name(tmp_path):
    path = save(tmp_path / "tmp123.wav", noise(0))
    with pytest.raises(AudioError, match="expected samples in clip_42, found an empty recording"):
        read_audio(path, name="clip_42")


@pytest.mark.parametrize("rate", [1, 2000, 400_000])
def test_a_sample_rate_that_is_none_of_speech_is_refused(tmp_path, rate):
    with pytest.raises(AudioError, match=rf"expected a sample rate of 4000 to 384000 Hz, found {rate} Hz in .*a\.wav"):
        read_audio(save(tmp_path / "a.wav", noise(), rate))


def test_a_rate_without_a_common_divisor_is_resampled_in_little_memory():
    tone = np.sin(2 * np.pi * 440 * np.arange(22254) / 22254).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    resampled = resample_waveform(tone, 22254, 16000)
    assert len(resampled) == 16000
    assert np.allclose(resampled[500:-500], expected[500:-500], atol=1e-3)


def test_overshoot_is_clipped_and_counted(tmp_path):
    samples = noise(1000)
    samples[[3, 7]] = 1.0054, -1.2
    recording = read_audio(save(tmp_path / "a.wav", samples, subtype="FLOAT"))
    assert (recording.n_clipped, recording.waveform[3], recording.waveform[7]) == (2, 1, -1)


@pytest.mark.parametrize(("value", "n"), [(1.6, 1), (1.2, 20)])
def test_more_than_overshoot_is_refused(tmp_path, value, n):
    samples = noise(1000)
    samples[:n] = value
    with pytest.raises(AudioError, match=rf"expected samples within \[-1, 1\] in .*a\.wav, found {value} at sample 0"):
        read_audio(save(tmp_path / "a.wav", samples, subtype="FLOAT"))


def test_a_header_that_states_more_than_memory_holds_is_refused(tmp_path):
    path = save(tmp_path / "a.flac", noise())
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])  # 2^36 - 1 samples
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.flac"):
        decode_audio(path)


def test_a_file_of_no_bytes_is_refused(tmp_path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioError, match=r"expected a recording in .*a\.wav, found a file of 0 bytes"):
        decode_audio(tmp_path / "a.wav")


def test_a_streamed_wav_without_a_length_is_read(tmp_path):
    path = save(tmp_path / "a.wav", noise())
    content = bytearray(path.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(decode_audio(path)[0]) == 8000


def test_an_empty_recording_is_refused(tmp_path):
    with pytest.raises(AudioError, match=r"expected samples in .*a\.wav, found an empty recording"):
        read_audio(save(tmp_path / "a.wav", noise(0)))


@pytest.mark.parametrize("level", [0, 1e-5, 0.25])
def test_a_silent_or_constant_recording_is_refused(tmp_path, level):
    path = save(tmp_path / "a.wav", np.full(100, level, dtype=np.float32), subtype="FLOAT")
    with pytest.raises(AudioError, match=r"expected sound in .*a\.wav, found 100 samples of silence"):
        read_audio(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_recording_that_is_not_finite_is_refused(tmp_path, value):
    samples = noise()
    samples[[17, 40]] = value
    with pytest.raises(AudioError, match=rf"expected finite samples in .*a\.wav, found {value} at sample 17 \(2 such"):
        read_audio(save(tmp_path / "a.wav", samples, subtype="FLOAT"))


def test_integers_stored_as_floating_point_are_refused(tmp_path):
    with pytest.raises(AudioError, match=r"expected samples within \[-1, 1\] in .*a\.wav, found 32767 at sample 3"):
        read_audio(save(tmp_path / "a.wav", np.array([0, 1, 2, 32767], dtype=np.float32), subtype="FLOAT"))


def test_a_good_waveform_is_returned_as_it_is():
    waveform = noise()
    assert check_waveform(waveform, "a") is waveform


def test_overshoot_of_a_lossy_decoder_is_cut_to_full_scale(tmp_path):
    square = np.sign(np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.float32)
    assert np.abs(read_audio(save(tmp_path / "a.mp3", square)).waveform).max() == 1


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, samples of real recordings")
def test_recordings_of_other_people_are_read():
    syllable, digit = read_audio(DATA / "mandarin" / "cmn-ma1.mp3"), read_audio(DATA / "fsdd" / "0_jackson_0.wav")
    assert (syllable.original_sample_rate_hz, len(syllable.waveform)) == (48000, 16336)
    assert (digit.original_sample_rate_hz, len(digit.waveform)) == (8000, 2 * digit.n_original_samples)
