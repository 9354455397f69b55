"""What stands beside the program: what it needs, and what it is."""

from __future__ import annotations

import ast
import sys
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl.plugin import FittedModel

_README = """\
# Learning {target}

`train.py` learns to predict `{target}` ({task}) as a model of automl was learned, and needs no
automl:

```bash
pip install -r requirements.txt
python train.py TABLE.csv                                  # learns, and scores rows held out
python train.py TABLE.csv --predict NEW.csv --out SAID.csv
```

`TABLE.csv` has the column `{target}` and those of `schema.json`. Change what you like: every part
of the blend is a function in `train.py`, with its preparation and its parameters.

- `schema.json`: what each column is, its levels in their order, how its cells are read. Levels of a
  column that are taken out there are read off the table that is learned from.
- `tables.py` reads tables, `chains.py` puts preparation together{steps}.

## How it differs from the model that it was written from

- That model keeps what it learned in each fold, and says the mean of the fold models. The program
  learns each part once, on all rows, for as long as the fold models did on average. On the same
  rows its values are near the model's own, not equal to them.
- Tables are read by pandas with simpler rules: cells that are spelled in unusual ways may be read
  otherwise, columns are expected under their names, nothing is flagged. Rows without a target are
  an error.
- Scores are of a fifth of the rows drawn at random. Where rows belong together, or follow each
  other in time, hold them out accordingly.
- Settings that depend on the number of rows (`min_child_samples`, `batch_size`, ...) are those
  of the fold models.

## What was verified

A model of the same recipe was learned from several hundred made rows and written by the same
exporter; run in a new process on these rows, its program gave that model's values (`export.json`
has the largest difference). Then this program was run on the same rows to its end.
"""


def readme(model: FittedModel, texts: Mapping[str, str]) -> str:
    """Return what the folder is, and how it differs from the model."""
    steps = ", `steps/` has its steps" if any(name.startswith("steps/") for name in texts) else ""
    return _README.format(
        target=model.target, task=model.task.name, steps=steps, n="several hundred"
    )


def requirements(texts: Mapping[str, str]) -> str:
    """Return the distributions that files import, pinned to what is installed here."""
    tops: set[str] = set()
    for name, text in texts.items():
        if name.endswith(".py"):
            tops |= _imported(text)
    own = {name.partition("/")[0].removesuffix(".py") for name in texts}
    found = metadata.packages_distributions()
    names = {min(found[top]) for top in tops - own - set(sys.stdlib_module_names) if top in found}
    return "".join(f"{name}=={metadata.version(name)}\n" for name in sorted(names))


def _imported(text: str) -> set[str]:
    tops = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            tops.add((node.module or "").partition(".")[0])
    return tops
