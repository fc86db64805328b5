"""Input functions of the rules of reduction."""


def get_layers(wildcards):
    """Return the layers that reduction maps; an acoustic baseline has only one."""
    acoustic = config["models"][wildcards.model]["source"] == "acoustic"
    return ["input"] if acoustic else config["analyses"]["reduction"]["layers"]
