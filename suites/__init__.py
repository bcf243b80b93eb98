"""What to ask of a model: suites in YAML, their datasets, and the rows that they hold.

This room knows files and words. It knows no model, no tensor and no verdict, and a suite
can be validated on a machine that has no torch.
"""

from suites.builtin import builtin_names, resolve_suite
from suites.data_checks import check_suite
from suites.dataset import read_dataset
from suites.load import LoadedSuite, load_suite
from suites.problems import Problem, SuiteError
from suites.rows import Message, Row
from suites.schema import Suite
from suites.splits import rows_by_role, rows_digest

__all__ = [
    "LoadedSuite",
    "Message",
    "Problem",
    "Row",
    "Suite",
    "SuiteError",
    "builtin_names",
    "check_suite",
    "load_suite",
    "read_dataset",
    "resolve_suite",
    "rows_by_role",
    "rows_digest",
]
