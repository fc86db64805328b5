"""Training of the small models of the default study: pre-training, fine-tuning, language models and translators."""
