"""The bundles of the robot's tests."""

from tests.deploy.conftest import bundle, editable, refused  # noqa: F401  (fixtures)
