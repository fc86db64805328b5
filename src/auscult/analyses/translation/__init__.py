"""Whether what a probe hears of the speaker's gender predicts the gender that a speech translator writes."""
