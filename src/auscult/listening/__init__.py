"""The listening page: utterances of a study that can be heard, with what its models make of them, moment by moment."""
