"""The small bundle of the robot's tests."""

from tests.deploy.conftest import bundle, editable

__all__ = ["bundle", "editable"]
