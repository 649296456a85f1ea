"""The hand behind the bridge holds in time, however the policy ends."""

import signal
import time

import pytest

from tests.deploy.ros1.world import MARKS, WAIT_S, wait_for
from tests.deploy.runtime.test_rig_run import HOLD_LIMIT_S, Cable

pytestmark = MARKS


def newest_command(bridge):
    """The last thing that happened at the hand, if it is a command of just now."""
    last = bridge.events("command", "armed", "hold", "relaxed")[-1]
    now_s = time.monotonic()
    return last if last["event"] == "command" and now_s - last["t"] < 0.1 else None


def check_hold(ros, bridge, command_s, since_s):
    """By the bridge's log it held in time, and by the hand's own log nothing moved after that."""
    hold = wait_for(
        lambda: next((e for e in bridge.events("hold") if e["t"] > command_s), None), "no hold"
    )
    overruns = bridge.events("overrun") + ros.events("overrun")
    lost_s = sum(e["lost_s"] for e in overruns if e["t"] > since_s)
    assert hold["since_heard_s"] < HOLD_LIMIT_S + lost_s
    assert hold["t"] - since_s < HOLD_LIMIT_S + lost_s
    wait_for(lambda: [e for e in bridge.events("relaxed") if e["t"] > hold["t"]], "not relaxed")
    assert not [e for e in bridge.events("command") if e["t"] > hold["t"]]
    moved = [e["t"] for e in ros.events("setpoint") if e["t"] > since_s]
    last_s = max([since_s, *moved])
    assert last_s - since_s < HOLD_LIMIT_S + lost_s


@pytest.mark.parametrize("how", ["kill_9", "sigstop", "cable"])
def test_the_hand_behind_the_bridge_holds_in_250_ms(ros, on_the_bridge, how):
    """kill_9, sigstop and cable: Shadow's controllers keep the last target; the bridge does not."""
    bridge, begin = on_the_bridge
    cable = Cable(bridge.port) if how == "cable" else None
    process = begin(int(cable.address.rpartition(":")[2]) if cable else None)
    # On a busy machine the loop may hold by itself, for a while: not then.
    command = wait_for(lambda: newest_command(bridge), "the run does not command")
    since_s = time.monotonic()
    if how == "kill_9":
        process.kill()
    elif how == "sigstop":
        process.send_signal(signal.SIGSTOP)
    else:
        cable.out = True
    check_hold(ros, bridge, command["t"], since_s)
    if how == "cable":
        assert process.wait(WAIT_S) == 4
        cable.close()
