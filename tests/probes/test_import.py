"""The room is light to enter: importing it loads nothing, and its modules numpy and no more."""

import pkgutil
import subprocess
import sys

import probes

HEAVY = ("torch", "scipy", "sklearn", "pandas", "transformers", "safetensors", "pydantic")


def test_importing_every_module_loads_none_of_the_heavy_packages():
    modules = [module.name for module in pkgutil.iter_modules(probes.__path__, "probes.")]
    assert "probes.intervals" in modules
    code = (
        f"import sys, importlib\n"
        f"for name in {['probes', *modules]!r}: importlib.import_module(name)\n"
        f"from probes.fitters import fitter_names; from probes.pooling import pooling_names\n"
        f"print(','.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


def test_the_room_knows_none_of_its_neighbours():
    code = (
        "import sys; from probes import *; assert 'probes.sae' in sys.modules; "
        "print({'suites', 'reports', 'audit'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_every_public_name_is_there_and_documented():
    for name in probes.__all__:
        value = getattr(probes, name)
        if callable(value) and getattr(value, "__module__", "").startswith("probes"):
            assert value.__doc__, name


def test_no_function_hides_a_module_of_the_same_name():
    # `from probes import rate` must not make `import probes.rate as module` a function.
    modules = {module.name for module in pkgutil.iter_modules(probes.__path__)}
    assert "intervals" in modules
    assert not modules & set(probes.__all__)
