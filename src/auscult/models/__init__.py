"""Speech and text models: their common interface, checkpoints, acoustic baselines, training and translators."""
