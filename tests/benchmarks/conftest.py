"""The bundles and rigs that the benchmarks measure."""

from tests.deploy.conftest import bundle, editable, policy_run, refused  # noqa: F401  (fixtures)
