"""
Corpora in one common format: synthesised, fetched or imported.

required inputs:  none (synthesised), the URL of an archive (fetched), a folder of recordings and labels (folder)
outputs:          resources/corpora/{corpus}/manifest.json, written last, with hashes of the tables and audio beside it;
                  results/needs/{corpus}.csv, what the analyses leave out of an imported corpus, once it has all that they need
"""


rule synthesise_corpus:
    """Synthesise sentences of a grammar with eSpeak NG, with exact phone, syllable and word boundaries."""
    input:
        lexicons=get_lexicons,
    output:
        manifest="resources/corpora/{corpus}/manifest.json",
    log:
        "logs/synthesise_corpus/{corpus}.log",
    benchmark:
        "logs/benchmarks/synthesise_corpus/{corpus}.tsv"
    wildcard_constraints:
        corpus=get_names("corpora", "synthetic"),
    # Everything waits for corpora. One thread: a job that asks for two waits until both are free.
    priority: 1000000
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_of("synthesise_corpus"),
        languages=lookup("corpora/{corpus}/languages", within=config),
        sentences=lookup("corpora/{corpus}/sentences", within=config),
        voices=lookup("corpora/{corpus}/voices", within=config),
        syllables=lookup("corpora/{corpus}/syllables", within=config),
        female_share=lookup(
            "corpora/{corpus}/female_share", within=config, default=None
        ),
        variation=lookup("corpora/{corpus}/variation", within=config),
        seed=config["seed"],
    script:
        "../../scripts/synthesise_corpus.py"


rule synthesise_nonspeech:
    """Synthesise noise, tones, chirps and clicks with the levels and lengths of speech, as a non-speech control."""
    output:
        manifest="resources/corpora/{corpus}/manifest.json",
    log:
        "logs/synthesise_nonspeech/{corpus}.log",
    wildcard_constraints:
        corpus=get_names("corpora", "nonspeech"),
    # Everything waits for corpora. One thread: a job that asks for two waits until both are free.
    priority: 1000000
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_of("synthesise_nonspeech"),
        utterances=lookup("corpora/{corpus}/utterances", within=config),
        seed=config["seed"],
    script:
        "../../scripts/synthesise_nonspeech.py"


rule write_text_corpus:
    """Generate text: sentences of a grammar with their parses, and minimal pairs."""
    input:
        grammar=get_text_grammar,
    output:
        manifest="resources/corpora/{corpus}/manifest.json",
    log:
        "logs/write_text_corpus/{corpus}.log",
    wildcard_constraints:
        corpus=get_names("corpora", "text"),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code_of("write_text_corpus"),
        grammar=lookup("corpora/{corpus}/grammar", within=config),
        sentences=lookup("corpora/{corpus}/sentences", within=config),
        pairs=lookup("corpora/{corpus}/pairs", within=config),
        seed=config["seed"],
    script:
        "../../scripts/write_text_corpus.py"


rule download_corpus:
    """Download an archive, resuming a partial download, and check its hash."""
    output:
        archive="resources/downloads/{corpus}/{archive}",
    log:
        "logs/download_corpus/{corpus}/{archive}.log",
    wildcard_constraints:
        corpus=get_names("corpora", "fetched"),
        archive="[^/]+",
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        url=lookup("corpora/{corpus}/url", within=config),
        sha256=lookup("corpora/{corpus}/sha256", within=config, default=None),
        # Not an output: it must outlive the archive, to notice when a later download differs.
        record="resources/downloads/{corpus}.sha256.json",
    script:
        "../../scripts/download_corpus.py"


rule download_alignments:
    """Download the alignments of a corpus that publishes them separately."""
    output:
        archive="resources/downloads/{corpus}/alignments/{archive}",
    log:
        "logs/download_alignments/{corpus}/{archive}.log",
    wildcard_constraints:
        corpus=get_names("corpora", "fetched"),
        archive="[^/]+",
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        url=lookup("corpora/{corpus}/alignments/url", within=config),
        sha256=lookup("corpora/{corpus}/alignments/sha256", within=config, default=None),
        record="resources/downloads/{corpus}.alignments.sha256.json",
    script:
        "../../scripts/download_corpus.py"


rule import_archive:
    """Import a downloaded corpus as tables and 16 kHz audio."""
    input:
        archive=get_archive,
        alignments=get_alignments,
    output:
        manifest="resources/corpora/{corpus}/manifest.json",
    log:
        "logs/import_archive/{corpus}.log",
    wildcard_constraints:
        corpus=get_names("corpora", "fetched"),
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_of("import_archive"),
        reader=lookup("corpora/{corpus}/reader", within=config),
        resample=lookup("corpora/{corpus}/resample", within=config),
        options=lookup("corpora/{corpus}/options", within=config),
    script:
        "../../scripts/import_archive.py"


rule import_folder:
    """Import a local folder of recordings and labels as tables and 16 kHz audio."""
    input:
        files=get_local_corpus,
    output:
        manifest="resources/corpora/{corpus}/manifest.json",
    log:
        "logs/import_folder/{corpus}.log",
    wildcard_constraints:
        corpus=get_names("corpora", "folder"),
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_of("import_folder"),
        source=lambda wildcards: get_local_path(config["corpora"][wildcards.corpus]),
        unlisted=get_unlisted_files,
        reader=lookup("corpora/{corpus}/reader", within=config),
        resample=lookup("corpora/{corpus}/resample", within=config),
        options=lookup("corpora/{corpus}/options", within=config),
    script:
        "../../scripts/import_folder.py"


rule check_needs:
    """Check at once all that the analyses of the study need of an imported corpus, before anything is computed on it."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        others=get_needed_corpora,
    output:
        table="results/needs/{corpus}.csv",
    log:
        "logs/check_needs/{corpus}.log",
    wildcard_constraints:
        corpus="|".join(checked_corpora(config)) or "(?!)",
    priority: 1000000
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_of("check_needs", *needed_modules(config)),
        needs=get_needs,
    script:
        "../../scripts/check_needs.py"


rule corpora:
    """Build all corpora of the study."""
    input:
        expand("resources/corpora/{corpus}/manifest.json", corpus=config["corpora"]),
