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
        ("mp3", r"expected 8000 samples in .*a\.mp3, found \d+: truncated; fetch it again"),
        ("ogg", r"expected the end of the stream in .*a\.ogg, found a truncated file; fetch it again"),
        ("nist", r"expected 8000 samples in .*a\.nist, found 4\d\d\d: truncated"),
    ],
)
def test_a_truncated_recording_is_refused(tmp_path, ending, message):
    path = save(tmp_path / f"a.{ending}", noise(), format=ending.upper())
    with pytest.raises(AudioError, match=message):
        decode_audio(truncate(path, 0.6))


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
