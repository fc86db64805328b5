"""French sentences whose determiner marks number, as tables of utterances and segments."""

import pandas as pd

# Columns: word, sounds, part of speech, number, head, relation, lemma.
LE = ("le", "l ə", "DET", "singular", 1, "det", "le")


LES = ("les", "l e", "DET", "plural", 1, "det", "le")


CHAT = ("chat", "ʃ a", "NOUN", "singular", 2, "nsubj", "chat")


CHATS = ("chats", "ʃ a", "NOUN", "plural", 2, "nsubj", "chat")


DANSE = ("danse", "d ɑ̃ s", "VERB", "singular", -1, "root", "danser")


DANSENT = ("dansent", "d ɑ̃ s", "VERB", "plural", -1, "root", "danser")


SINGULAR, PLURAL = (LE, CHAT, DANSE), (LES, CHATS, DANSENT)


def tables(*sentences):
    words, phones = [], []
    for number, sentence in enumerate(sentences):
        time = 100
        for index, (label, sound, *syntax) in enumerate(sentence):
            onset = time
            for phone in sound.split():
                phones.append((f"u{number}", "phone", len(phones), phone, time, time + 50, -1, "", "", -1, "", ""))
                time += 50
            words.append((f"u{number}", "word", index, label, onset, time, -1, *syntax))
    columns = ["utterance", "tier", "index", "label", "onset", "offset", "parent", "pos", "number", "head", "relation"]
    segments = pd.DataFrame(words + phones, columns=[*columns, "lemma"])
    return segments, pd.DataFrame({"utterance": [f"u{number}" for number in range(len(sentences))]})
