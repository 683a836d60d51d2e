"""A classifier from scikit-learn, served confidentially: skl2onnx with its default options, upload, predict, compare.

By default skl2onnx ends a classifier with a ZipMap, which makes a list of maps of its probabilities. The service gives
the probabilities themselves, one column for each class, and says which class is which.

Needs skl2onnx: pip install skl2onnx
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import blindai
import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier


def main() -> None:
    data = load_breast_cancer()
    x, y = data.data.astype(np.float32), data.target_names[data.target]
    model = RandomForestClassifier(50, random_state=0).fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forest.onnx"
        path.write_bytes(to_onnx(model, x[:1]).SerializeToString())
        with blindai.connect() as client:
            uploaded = client.upload_model(path, "forest")
            response = client.predict("forest", x)
    labels, probabilities = response.output
    print("classes", uploaded.admission["classes"][0]["labels"])
    print("first labels", [label.decode() for label in labels.as_numpy()[:3]])
    print("largest difference", np.abs(probabilities.as_numpy() - model.predict_proba(x)).max())


if __name__ == "__main__":
    main()
