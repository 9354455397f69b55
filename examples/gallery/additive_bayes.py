"""stochtree: Bayesian additive regression trees, saved by the library's own JSON."""

from automl.plugin import Algorithm, Int, Saved, hookimpl


class Bart:
    def __init__(self, num_trees=50, num_mcmc=50, seed=0):
        self.num_mcmc, self.trees, self.general = num_mcmc, num_trees, {"random_seed": seed}

    def fit(self, X, y):
        from stochtree import BARTModel

        self.model = BARTModel()
        forest = {"num_trees": self.trees, "min_samples_leaf": min(5, len(y) // 4)}
        given = {"general_params": self.general, "mean_forest_params": forest}
        self.model.sample(X.copy(), y.copy(), num_mcmc=self.num_mcmc, **given)
        return self

    def predict(self, X):
        return self.model.predict(X.copy(), type="mean", terms="y_hat")


def load(folder):
    from stochtree import BARTModel

    bart = Bart()
    bart.model = BARTModel()
    bart.model.from_json((folder / "bart.json").read_text())
    return bart


BART = Algorithm(
    name="additive_bayes",
    tasks=frozenset({"regression"}),
    build=lambda params, context: Bart(**params, seed=context.seed),
    accepts=frozenset({"number", "unscaled"}),
    space={"num_trees": Int(20, 200, log=True), "num_mcmc": Int(20, 200, log=True)},
    saved=Saved(save=lambda m, f: (f / "bart.json").write_text(m.model.to_json()), load=load),
)


@hookimpl
def automl_algorithms():
    return [BART]
