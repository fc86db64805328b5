"""The language of a recogniser with one vocabulary, and one adapter, per language (MMS).

A checkpoint of MMS holds the weights of one language; the files ``adapter.<language>.safetensors`` beside it hold the
adapter layers and the head of every other one. Choosing a language puts its weights in place, as
``Wav2Vec2ForCTC.load_adapter`` of transformers does.
"""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from auscult.errors import CheckpointError
from auscult.manifests import write_file
from auscult.models.checkpoint_format import CONFIG, WEIGHTS, read_config
from auscult.models.vocabulary import nested_languages

__all__ = ["adapter_name", "take_language"]

_SETTINGS = "tokenizer_config.json"


def adapter_name(language: str) -> str:
    """Return the name of the file of a language's weights."""
    return f"adapter.{language}.safetensors"


def take_language(folder: str | Path, language: str, source: str | Path | None = None) -> None:
    """Rewrite a checkpoint folder, in place, as a recogniser of one of its languages.

    Parameters
    ----------
    folder : with ``config.json``, ``model.safetensors`` and a ``vocab.json`` that is nested by language
    language : code of the language, as in ``vocab.json``
    source : folder of the adapter's file; ``folder`` by default

    Raises
    ------
    CheckpointError
        The vocabulary has no such language, or its weights are missing or do not fit.
    """
    folder, source = Path(folder), Path(source or folder)
    languages = nested_languages(folder)
    if language not in languages:
        found = ", ".join(languages[:8]) + (f" … ({len(languages)} in all)" if len(languages) > 8 else "")
        raise CheckpointError(
            f"expected a language of the vocabulary in {folder}, found {language!r} for {found or 'a plain one'}; "
            "correct it, or take language out"
        )
    path = folder / _SETTINGS
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    adapter = source / adapter_name(language)
    if adapter.is_file():
        _put_in_place(folder, adapter)
    elif settings.get("target_lang") != language:
        raise CheckpointError(
            f"expected {adapter}, the weights of that language, found no such file; copy it from the model's source, "
            f"or take the language of the weights that are there ({settings.get('target_lang')!r})"
        )
    with write_file(path) as partial:
        partial.write_text(json.dumps(settings | {"target_lang": language}, indent=1) + "\n", encoding="utf-8")


def _put_in_place(folder: Path, adapter: Path) -> None:
    try:
        weights, chosen = load_file(folder / WEIGHTS), load_file(adapter)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"expected weights that load from {adapter}, found: {error}; fetch it again") from None
    unknown = sorted(name for name in chosen if name not in weights)
    wrong = sorted(
        name
        for name, value in chosen.items()
        if name in weights and not name.startswith("lm_head.") and value.shape != weights[name].shape
    )
    if unknown or wrong:
        raise CheckpointError(
            f"expected weights of adapters that {folder / WEIGHTS} has a place for in {adapter.name}, found "
            f"{(unknown or wrong)[0]}; check that both belong together"
        )
    with write_file(folder / WEIGHTS) as partial:
        save_file({**weights, **chosen}, partial, metadata={"format": "pt"})
    if "lm_head.weight" in chosen:
        config = read_config(folder) | {"vocab_size": len(chosen["lm_head.weight"])}
        with write_file(folder / CONFIG) as partial:
            partial.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
