"""YDF: gradient boosted trees behind an interface that is not scikit-learn's."""

import numpy as np

from automl.plugin import Algorithm, Float, Int, Saved, hookimpl


class Trees:
    def __init__(self, model=None, **given):
        self.model, self.given = model, given

    def fit(self, X, y):
        import ydf

        task = ydf.Task.REGRESSION if y.dtype == float else ydf.Task.CLASSIFICATION
        learner = ydf.GradientBoostedTreesLearner("y", task, **self.given)
        self.model = learner.train({"X": X, "y": y}, verbose=0)

    def predict(self, X):
        return self.model.predict({"X": X})

    def predict_proba(self, X):
        said = self.predict(X)
        return said if said.ndim == 2 else np.stack([1 - said, said], axis=1)


def load(folder):
    import ydf

    return Trees(ydf.load_model(str(folder)))


TREES = Algorithm(
    name="decision_forests",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=lambda p, c: Trees(**p, random_seed=c.seed, num_threads=c.threads),
    accepts=frozenset({"number", "missing", "unscaled"}),
    threads=True,
    space={"max_depth": Int(3, 9), "shrinkage": Float(0.02, 0.3, log=True)},
    saved=Saved(save=lambda trees, folder: trees.model.save(str(folder)), load=load),
)


@hookimpl
def automl_algorithms():
    return [TREES]
