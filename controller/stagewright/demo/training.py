"""Real models, trained with scikit-learn on the data that it ships, logged and registered as MLflow users do.

The names are a bank's and the data is not: breast-cancer measurements stand in for credit applications, wine
measurements for customers. Runs as a program of the data scientist: `python -m stagewright.demo.training URI`.
"""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlflow
import mlflow.data
import mlflow.sklearn
import sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What one registered model is trained on, and how strongly each of its versions is regularised."""

    model: str
    data_set: str
    load: Any
    strengths: Sequence[float]


RECIPES = (
    Recipe(model="credit-risk", data_set="credit-applications", load=load_breast_cancer, strengths=(0.001, 0.01, 0.1)),
    Recipe(model="churn", data_set="customers", load=load_wine, strengths=(0.001, 0.01, 0.1)),
)


def train(uri: str) -> None:
    """Train three versions of each model and register them. credit-risk version 1 is served as `champion` then."""
    mlflow.set_tracking_uri(uri)
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False, silent=True)
    for recipe in RECIPES:
        mlflow.set_experiment(recipe.model)
        table = recipe.load(as_frame=True)
        features = table.data.astype(float)
        split = train_test_split(features, table.target, test_size=0.3, random_state=SEED, stratify=table.target)
        for strength in recipe.strengths:
            _train_version(recipe, split, strength)
    mlflow.MlflowClient().set_registered_model_alias("credit-risk", "champion", "1")


def _train_version(recipe: Recipe, split: Sequence[Any], strength: float) -> None:
    features, held_out, target, truth = split
    with mlflow.start_run():
        for context, table in (
            ("training", features.assign(target=target)),
            ("evaluation", held_out.assign(target=truth)),
        ):
            logged = mlflow.data.from_pandas(table, name=f"{recipe.data_set}-{context}", targets="target")
            mlflow.log_input(logged, context=context)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=200)).fit(features, target)
        chances = model.predict_proba(held_out)
        auc = roc_auc_score(truth, chances[:, 1] if chances.shape[1] == 2 else chances, multi_class="ovr")
        accuracy = accuracy_score(truth, model.predict(held_out))
        mlflow.log_metrics({"auc": float(auc), "accuracy": float(accuracy)})
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(features, model.predict(features)),
            registered_model_name=recipe.model,
            # without it MLflow runs the model in another process to see what it imports
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    train(sys.argv[1])
