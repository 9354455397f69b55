"""Predicts the rows of a table with the model in this file.

python model.pyz ROWS            predictions of the rows of a table as CSV, to standard output
python model.pyz --values        values of rows given as JSON on standard input, as JSON
python model.pyz --requirements  what has to be installed, as pip writes it
"""

import csv
import json
import sys
import tempfile
import zipfile
from pathlib import Path


def main(words):
    if len(words) != 1 or words[0] in {"-h", "--help"}:
        sys.exit(__doc__)
    with zipfile.ZipFile(sys.argv[0]) as archive:
        requirements = archive.read("requirements.txt").decode()
        packed = archive.read("model.zip")
    if words == ["--requirements"]:
        print(requirements, end="")
        return
    try:
        import automl
        from automl.errors import AutoMLError
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. This model needs: {' '.join(requirements.split())}")
    # What was opened may be read until the end, and a file that is read cannot be removed anywhere.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder) / "model.zip"
        place.write_bytes(packed)
        try:
            answer(automl.load(place), words[0])
        except AutoMLError as error:
            sys.exit(f"error: {error}")


def answer(predictor, source):
    if source == "--values":
        ask = predictor.predict if predictor.classes is None else predictor.predict_proba
        json.dump(ask(json.load(sys.stdin), on_missing="impute").tolist(), sys.stdout)
        return
    labels = predictor.predict(source).tolist()
    write = csv.writer(sys.stdout, lineterminator="\n").writerows
    write([["prediction"], *([label] for label in labels)])


if __name__ == "__main__":
    main(sys.argv[1:])
