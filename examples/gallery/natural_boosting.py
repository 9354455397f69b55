"""NGBoost: boosting of whole distributions by natural gradients."""

from automl.plugin import Algorithm, Float, Int, hookimpl


def build(params, context):
    from ngboost import NGBClassifier, NGBRegressor
    from ngboost.distns import k_categorical
    from sklearn.tree import DecisionTreeRegressor

    base = DecisionTreeRegressor(max_depth=3, random_state=context.seed)
    given = {**params, "Base": base, "random_state": context.seed, "verbose": False}
    if context.n_classes:
        return NGBClassifier(Dist=k_categorical(context.n_classes), **given)
    return NGBRegressor(**given)


NGBOOST = Algorithm(
    name="natural_boosting",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=build,
    accepts=frozenset({"number", "unscaled"}),
    weights=True,
    space={"n_estimators": Int(20, 500, log=True), "learning_rate": Float(0.01, 0.3, log=True)},
    starts=({"n_estimators": 100, "learning_rate": 0.05},),
    saved=(
        *("ngboost.api.NGBClassifier", "ngboost.api.NGBRegressor", "ngboost.scores.LogScore"),
        *("ngboost.distns.normal.Normal", "sklearn.tree._tree.Tree"),
    ),
)


@hookimpl
def automl_algorithms():
    return [NGBOOST]
