"""ABX: whether items of one category are nearer to each other than to another's, without training anything."""
