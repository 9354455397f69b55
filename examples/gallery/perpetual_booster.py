"""Perpetual: a booster with one parameter, its budget."""

from automl.plugin import Algorithm, Float, Saved, hookimpl


def save(model, folder):
    model.save_booster(str(folder / "booster.json"))


def load(folder):
    from perpetual import PerpetualBooster

    return PerpetualBooster.load_booster(str(folder / "booster.json"))


PERPETUAL = Algorithm.wrap(
    "perpetual_booster",
    classifier="perpetual:PerpetualClassifier",
    regressor="perpetual:PerpetualRegressor",
    accepts={"number", "missing", "unscaled"},
    space={"budget": Float(0.1, 1.5)},
    starts=({"budget": 0.5},),
    saved=Saved(save=save, load=load),
)


@hookimpl
def automl_algorithms():
    return [PERPETUAL]
