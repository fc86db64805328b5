"""Feature attribution: the segments of an utterance on which the prediction of a model rests."""
