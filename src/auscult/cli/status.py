"""State of every figure of a study: built, stale or missing, and what has to run for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from auscult.cli.places import StudyPlace
from auscult.cli.workflow import ENDINGS, Job

__all__ = ["FigureState", "figure_states", "upstream"]


@dataclass(frozen=True)
class FigureState:
    """State of a figure.

    Parameters
    ----------
    figure : name of the figure
    state : ``built``; ``stale``, if its files exist but something that they depend on has changed; or ``missing``
    n_jobs : number of jobs that have to run
    cause : job and reason at the start of what has to run; empty if the figure is built
    """

    figure: str
    state: str
    n_jobs: int
    cause: str = ""


def figure_states(place: StudyPlace, jobs: Sequence[Job]) -> list[FigureState]:
    """Return the state of every figure of a study, in its order.

    Parameters
    ----------
    place : study and its directory
    jobs : all jobs that have to run
    """
    states = []
    for figure in place.config["figures"]:
        files = [f"results/figures/{figure}.{ending}" for ending in ENDINGS]
        needed = upstream(jobs, files)
        exists = all((place.directory / file).is_file() for file in files)
        state = "missing" if not exists else "stale" if needed else "built"
        states.append(FigureState(figure, state, len(needed), _cause(needed)))
    return states


def upstream(jobs: Sequence[Job], files: Sequence[str]) -> list[Job]:
    """Return the jobs, in their order, that must run before these files are up to date."""
    maker = {output: place for place, job in enumerate(jobs) for output in job.outputs}
    found: set[int] = set()
    queue = [maker[file] for file in files if file in maker]
    while queue:
        place = queue.pop()
        if place not in found:
            found.add(place)
            queue += [maker[path] for path in jobs[place].inputs if path in maker]
    return [jobs[place] for place in sorted(found)]


def _cause(needed: Sequence[Job]) -> str:
    """Return the first job that waits for no other, with its reason."""
    outputs = {output for job in needed for output in job.outputs}
    first = next((job for job in needed if not outputs.intersection(job.inputs)), None)
    if first is None:
        return ""
    reason = first.reason.split(";")[0].strip()
    reason = reason[:1].lower() + reason[1:]
    return f"{first.rule}: {reason if len(reason) <= 90 else reason[:87] + '…'}"
