"""ABX: whether items of one category are closer to each other than to items of another, without any training."""
