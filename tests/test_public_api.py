"""What the package exports is what it says it exports, and loading it stays light."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import neuroact

PACKAGES = [
    "neuroact",
    *(f"neuroact.{module.name}" for module in pkgutil.iter_modules(neuroact.__path__) if module.ispkg),
]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_exactly_what_is_exported(name: str) -> None:
    package = importlib.import_module(name)
    exported = {
        attribute
        for attribute, value in vars(package).items()
        if not attribute.startswith("_") and not isinstance(value, ModuleType) and attribute != "annotations"
    }
    lazy = set(getattr(package, "_LAZY", ()))
    assert set(package.__all__) == exported | lazy
    assert len(package.__all__) == len(set(package.__all__))
    for attribute in package.__all__:
        assert getattr(package, attribute) is not None


def test_importing_neuroact_loads_nothing_heavy() -> None:
    heavy = ["numba", "torch", "h5py", "matplotlib", "pydantic", "typer", "plotly"]
    code = f"import neuroact, sys; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opne_recording'"):
        _ = neuroact.opne_recording  # type: ignore[attr-defined]
