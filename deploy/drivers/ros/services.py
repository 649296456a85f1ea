"""ROS 1 services whose types Debian's Python packages lack, made by ROS's own generator."""

from __future__ import annotations

from typing import Any

ANY_MD5 = "*"
"""What ROS takes from a caller that does not know the type's sum, such as `rosservice`."""
LIST_CONTROLLERS = "controller_manager_msgs/ListControllers"
RESPONSE = """controller_manager_msgs/ControllerState[] controller
================================================================================
MSG: controller_manager_msgs/ControllerState
string name
string state
string type
controller_manager_msgs/HardwareInterfaceResources[] claimed_resources
================================================================================
MSG: controller_manager_msgs/HardwareInterfaceResources
string hardware_interface
string[] resources
"""


def list_controllers() -> Any:
    """The class that rospy.ServiceProxy takes, with the fields that ros_control documents."""
    from genpy.dynamic import generate_dynamic

    made = {
        name: generate_dynamic(f"{LIST_CONTROLLERS}{name}", text)[f"{LIST_CONTROLLERS}{name}"]
        for name, text in (("Request", "\n"), ("Response", RESPONSE))
    }
    fields = {
        "_type": LIST_CONTROLLERS,
        "_md5sum": ANY_MD5,
        "_request_class": made["Request"],
        "_response_class": made["Response"],
    }
    return type("ListControllers", (), fields)
