"""Annotation files of ELAN, made for tests."""

_FILE = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///x/talk.wav"{origin}/></HEADER>
<TIME_ORDER>{slots}</TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>"""


def elan(tiers, origin=""):
    """Return a file with tiers {(name, participant, type): [(onset_ms, offset_ms, label)]}; None is no time."""
    slots, written, number = [], [], 0
    for (name, participant, kind), rows in tiers.items():
        entries = []
        for onset, offset, label in rows:
            number += 2
            for place, time in ((number, onset), (number + 1, offset)):
                value = "" if time is None else f' TIME_VALUE="{time}"'
                slots.append(f'<TIME_SLOT TIME_SLOT_ID="ts{place}"{value}/>')
            entries.append(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{number}" '
                f'TIME_SLOT_REF2="ts{number + 1}"><ANNOTATION_VALUE>{label}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
                "</ANNOTATION>"
            )
        who = f' PARTICIPANT="{participant}"' if participant else ""
        written.append(f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{kind}"{who}>{"".join(entries)}</TIER>')
    return _FILE.format(origin=origin, slots="".join(slots), tiers="".join(written))
