"""Jobs of reliability: the models of a task, and those that are perturbed and randomised."""

from auscult.study.reliability import compared_tasks, perturbation_options, perturbed_runs, task_runs, word_based


def study(steps=((0, 300), (0, 300), (300,))):
    names = ["gender-1", "gender-2", "number-1"]
    tasks = {"gender": {"word_based": False}, "number": {"word_based": True}}
    return {
        "models": {name: {"source": "finetuned", "steps": list(each)} for name, each in zip(names, steps)},
        "analyses": {
            "reliability": {
                "models": names,
                "tasks": tasks,
                "corpora": {"english": ["gender"], "french": ["gender", "number"]},
            }
        },
    }


def test_every_task_of_every_corpus_is_compared():
    assert compared_tasks(study()) == [("english", "gender"), ("french", "gender"), ("french", "number")]
    assert word_based(study()) == {"gender": False, "number": True}


def test_a_task_compares_all_its_models_untrained_and_trained():
    assert task_runs(study(), "gender") == [
        ("gender-1", "0"),
        ("gender-1", "300"),
        ("gender-2", "0"),
        ("gender-2", "300"),
    ]
    assert task_runs(study(), "number") == [("number-1", "300")]


def test_all_trained_models_and_one_untrained_are_perturbed():
    assert perturbed_runs(study(), "gender") == [("gender-1", "300"), ("gender-2", "300"), ("gender-1", "0")]
    assert perturbed_runs(study(), "number") == [("number-1", "300")]


def test_the_first_trained_model_of_a_task_is_randomised_and_untrained_ones_play_every_round():
    options = {run: perturbation_options(study(), *run) for run in perturbed_runs(study(), "gender")}
    assert options == {
        ("gender-1", "300"): {"randomised": True, "retested": True, "only_right": True},
        ("gender-2", "300"): {"randomised": False, "retested": True, "only_right": True},
        ("gender-1", "0"): {"randomised": False, "retested": False, "only_right": False},
    }
