"""What the benchmark calls: sets the framework up, and runs it in an environment of its own."""

from amlb.benchmark import TaskConfig
from amlb.data import Dataset
from amlb.utils import call_script_in_same_dir


def setup(*args: object, **kwargs: object) -> None:
    """Build the environment."""
    call_script_in_same_dir(__file__, "setup.sh", *args, **kwargs)


def run(dataset: Dataset, config: TaskConfig) -> dict[str, object]:
    """Hand the files of one fold to `exec.py` and return what came of it."""
    from frameworks.shared.caller import run_in_venv

    data = {
        "train": {"path": dataset.train.data_path("parquet")},
        "test": {"path": dataset.test.data_path("parquet")},
        "target": {"name": dataset.target.name},
        "problem_type": dataset.type.name,
    }
    if config.measure_inference_time:
        data["inference_subsample_files"] = dataset.inference_subsample_files(fmt="parquet")
    said: dict[str, object] = run_in_venv(
        __file__, "exec.py", input_data=data, dataset=dataset, config=config
    )
    return said
