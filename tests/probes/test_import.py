"""The room is light to enter: importing it loads numpy and nothing heavier."""

import importlib
import subprocess
import sys

import probes

HEAVY = ("torch", "scipy", "sklearn", "pandas", "transformers", "safetensors", "pydantic")


def test_importing_every_module_loads_none_of_the_heavy_packages():
    modules = sorted(
        name for name in sys.modules if name.startswith("probes.") and name.count(".") == 1
    )
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
    code = "import sys, probes; print({'suites', 'reports', 'audit'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_every_public_name_is_there_and_documented():
    for name in probes.__all__:
        value = getattr(probes, name)
        if callable(value) and getattr(value, "__module__", "").startswith("probes"):
            assert value.__doc__, name


def test_no_function_hides_a_module_of_the_same_name():
    # `from probes import rate` must not make `import probes.rate as module` a function.
    for name in probes.__all__:
        if f"probes.{name}" in sys.modules:
            assert getattr(probes, name) is importlib.import_module(f"probes.{name}")
