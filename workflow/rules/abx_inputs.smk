"""Input functions of the rules of abx."""


def get_all_abx_targets(corpus):
    """Return the ABX targets of a corpus, each with its name."""
    abx = config["analyses"]["abx"]
    return [{"name": name, **abx["targets"][name]} for name in abx["corpora"][corpus]]


def get_abx_targets(wildcards):
    """Return the ABX targets of a corpus that compare its segments."""
    return [
        target
        for target in get_all_abx_targets(wildcards.corpus)
        if "items" not in target
    ]


def get_abx_item_targets(wildcards):
    """Return the ABX targets of a corpus that compare the items of a file, with where it is."""
    return [
        {**target, "items": get_local_path({"path": target["items"]})}
        for target in get_all_abx_targets(wildcards.corpus)
        if "items" in target
    ]


def get_abx_item_files(wildcards):
    """Return the item files of a corpus."""
    return [target["items"] for target in get_abx_item_targets(wildcards)]


def get_abx_tables(ending):
    """Return one path for each run on segments, and one for each run on item files."""
    paths = []
    for corpus, model, step in runs_of(config, "abx"):
        run = f"results/abx/{corpus}/{model}/{step}"
        from_files = ["items" in target for target in get_all_abx_targets(corpus)]
        paths += [f"{run}{ending}"] * (not all(from_files))
        paths += [os.path.join(run, f"items{ending}")] * any(from_files)
    return paths
