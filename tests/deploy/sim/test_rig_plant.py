"""The simulated hand's sensors, motors and physics: another hand than training's, from a seed."""

import mujoco
import numpy as np
import pytest

from sleight.deploy.sim.motors import Encoders
from sleight.deploy.sim.plant import PARK_HEIGHT_M, Plant
from sleight.deploy.sim.plant_config import PlantConfig, draw
from sleight.envs.hands.shadow import DISTAL_PAIRS
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.sim.model import ModelConfig, build_model
from sleight.errors import ConfigError
from tests.deploy.fakes import shadow_motors

CONFIG = PlantConfig()


@pytest.mark.parametrize(
    ("name", "span", "rule"),
    [
        ("gain", (1.25, 0.8), "0 < low"),
        ("gain", (0.0, 1.0), "0 < low"),
        ("slack_rad", (0.1, 0.0), "0 <="),
    ],
)
def test_a_span_that_cannot_be_is_one_line(name, span, rule):
    with pytest.raises(ConfigError) as caught:
        PlantConfig(**{name: span})
    got = f"{name}: got [{span[0]:g}, {span[1]:g}], allowed: [low, high] with {rule}"
    assert str(caught.value).startswith(got)


def hidden(seed=0, config=CONFIG):
    return draw(config, 20, 24, np.random.default_rng(seed))


def simulate(plant, motors, seconds):
    """Run without sensor noise; returns control positions (T, A)."""
    track = []
    for _ in range(round(seconds / CONFIG.timestep_s)):
        plant.step(motors.step(plant.joint_position))
        track.append(HAND.control_position(plant.joint_position))
    return np.array(track)


def test_the_hidden_numbers_come_from_the_seed_and_lie_in_their_spans():
    first, again, other = hidden(1), hidden(1), hidden(2)
    for name in ("gain", "motor_lag_s", "slack_rad", "damping"):
        low, high = getattr(CONFIG, name)
        values = getattr(first, name)
        assert np.all((low <= values) & (values <= high))
        np.testing.assert_array_equal(values, getattr(again, name))
        assert not np.array_equal(values, getattr(other, name))
    assert 0.98 <= first.object_size <= 1.02


def test_the_physics_differs_from_training_by_design():
    model, trained = Plant(HAND, CONFIG, hidden())._model, build_model(ModelConfig())
    assert model.opt.timestep != trained.opt.timestep
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICIT != trained.opt.integrator
    assert model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC != trained.opt.cone
    assert np.linalg.norm(model.opt.gravity) == pytest.approx(9.81, abs=1e-6)
    tilt = np.arccos(-model.opt.gravity[2] / 9.81)
    assert 0 < tilt < 0.1
    assert not np.allclose(model.dof_damping[:24], trained.dof_damping[:24])
    # The rig's motors give force; the model's own controllers are gone.
    assert np.all(model.actuator_gainprm[:, 0] == 1.0)
    assert not model.actuator_biasprm.any()


def test_a_motor_lags_then_settles_within_its_deadband():
    plant = Plant(HAND, CONFIG, hidden())
    motors = shadow_motors(hidden(), CONFIG)
    simulate(plant, motors, 1.0)
    start = HAND.control_position(plant.joint_position)
    target, i = HAND.home.copy(), HAND.actuators.index("FFJ3")
    target[i] += 0.4
    motors.move(target, 0.02)
    track = simulate(plant, motors, 1.5)[:, i] - start[i]
    reached = np.argmax(track > 0.63 * track[-1]) * CONFIG.timestep_s
    assert 0.06 < reached < 0.25
    assert track.max() - track[-1] < 0.05  # no overshoot worth the name
    weight_sag_rad = 0.05
    slack = CONFIG.deadband_rad + CONFIG.slack_rad[1] + weight_sag_rad
    assert abs(start[i] + track[-1] - target[i]) < slack


def test_a_reversal_loses_the_slack():
    """The tendon stands still until the motor has crossed its slack."""
    config = PlantConfig(slack_rad=(0.03, 0.03), motor_lag_s=(0.001, 0.001))
    motors = shadow_motors(hidden(0, config), config)
    joints = HAND.joint_target(HAND.home)
    for target in (HAND.home + 0.1, HAND.home + 0.09):
        motors.move(target, 0.01)
        for _ in range(50):
            motors.step(joints)
        np.testing.assert_allclose(motors._tendon, HAND.home + 0.1 - 0.015, atol=1e-6)


def test_within_the_deadband_there_is_no_force():
    motors = shadow_motors(hidden(), PlantConfig(slack_rad=(0, 0)))
    assert not motors.step(HAND.joint_target(HAND.home + 0.014)).any()
    force = motors.step(HAND.joint_target(HAND.home + 0.03))
    assert np.all(force < 0)


def test_encoders_are_biased_noisy_and_their_velocity_is_that_of_the_joint():
    draws, still = hidden(), np.zeros(24)
    encoders = Encoders(draws, CONFIG, still, np.random.default_rng(0))
    readings = []
    for _ in range(2000):
        encoders.read(still)
        readings.append(encoders.position)
    np.testing.assert_allclose(np.mean(readings, 0), draws.encoder_bias_rad, atol=3e-4)
    np.testing.assert_allclose(np.std(readings, 0), CONFIG.encoder_noise_rad, rtol=0.1)
    velocities = []
    for step in range(2000):
        encoders.read(still + 1.5 * step * CONFIG.timestep_s)
        velocities.append(encoders.velocity)
    np.testing.assert_allclose(np.mean(velocities[500:], 0), 1.5, atol=0.03)


def test_the_middle_joint_closes_first():
    plant = Plant(HAND, CONFIG, hidden())
    motors = shadow_motors(hidden(), CONFIG)
    target = HAND.home.copy()
    pairs = [HAND.actuators.index(f"{finger}J0") for finger in DISTAL_PAIRS]
    target[pairs] = 1.6
    motors.move(target, 0.5)
    simulate(plant, motors, 1.5)
    angle = dict(zip(HAND.joints, plant.joint_position, strict=True))
    ahead = [angle[f"{finger}J2"] - angle[f"{finger}J1"] for finger in DISTAL_PAIRS]
    assert min(ahead) > 0.02, ahead


def test_a_placed_object_rests_in_the_palm_and_a_fallen_one_is_parked():
    plant = Plant(HAND, CONFIG, hidden())
    motors = shadow_motors(hidden(), CONFIG)
    rng = np.random.default_rng(0)
    resting = 0
    for _ in range(5):
        plant.place(rng)
        simulate(plant, motors, 1.0)
        resting += plant.object_position[2] > -0.04
        assert plant.healthy()
    assert resting >= 4
    plant._set_object(np.array([0.3, 0.3, 0.0]), np.array([1.0, 0, 0, 0]))
    simulate(plant, motors, 0.6)
    assert plant.object_position[2] == pytest.approx(PARK_HEIGHT_M, abs=1e-3)
    assert plant.healthy()


def test_physics_that_became_non_finite_is_noticed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log where it is
    plant = Plant(HAND, CONFIG, hidden())
    plant.step(np.zeros(20))
    assert plant.healthy()
    plant._data.qpos[0] = np.nan
    plant.step(np.zeros(20))  # MuJoCo notices, warns and starts anew from finite numbers
    assert not plant.healthy()


def test_the_same_seed_gives_the_same_motion():
    def run():
        plant = Plant(HAND, CONFIG, hidden(3))
        motors = shadow_motors(hidden(3), CONFIG)
        plant.place(np.random.default_rng(3))
        return simulate(plant, motors, 0.3), plant.object_position

    first, second = run(), run()
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
