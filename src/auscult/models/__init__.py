"""Models: anything that turns waveforms into layers of frames."""
