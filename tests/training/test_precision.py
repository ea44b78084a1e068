# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Mixed precision. Without a GPU: convolutions are rounded by tests/simulated_amp.py."""

import signal

import numpy as np
import paddle
import pytest
from paddle import nn
from simulated_amp import SimulatedAmp
from small_run import read_checkpoints, read_metrics, small_config

from ppdeepfill import parallel
from ppdeepfill.errors import ConfigError, UserError
from ppdeepfill.networks import CoarseNetwork, Prediction
from ppdeepfill.networks.critics import GlobalCritic
from ppdeepfill.objectives import build_objective
from ppdeepfill.training.precision import LossScale, check_precision, computing_in
from ppdeepfill.training.state import optimizer_arrays
from ppdeepfill.training.trainer import Trainer
from ppdeepfill.weights.checkpoint import read_checkpoint

MIXED = pytest.mark.parametrize("precision", ["bf16", "fp16"])


@pytest.fixture
def amp(monkeypatch) -> SimulatedAmp:
    return SimulatedAmp(monkeypatch)


@MIXED
def test_a_cpu_is_refused_before_anything_is_written(photos, tmp_path, precision):
    with pytest.raises(ConfigError, match=rf"precision {precision} needs a GPU.*cpu.*fp32"):
        Trainer(small_config(photos, tmp_path / "run", precision=precision))
    assert not (tmp_path / "run").exists()


def test_a_gpu_is_asked_for_its_arithmetic(monkeypatch):
    monkeypatch.setattr(paddle.device, "get_device", lambda: "gpu:0")
    monkeypatch.setattr(paddle.amp, "is_float16_supported", lambda: True)
    monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: False)
    check_precision("fp32")
    check_precision("fp16")
    with pytest.raises(ConfigError, match=r"bf16.*8\.0.*gpu:0"):
        check_precision("bf16")


def test_float32_stays_free_of_mixed_precision(photos, tmp_path, amp):
    trainer = Trainer(small_config(photos, tmp_path))
    trainer.step()
    assert not amp.rounded
    assert {scale.value for scale in trainer.scales.values()} == {1.0}


@MIXED
def test_convolutions_alone_compute_in_16_bits(photos, tmp_path, amp, precision):
    trainer = Trainer(small_config(photos, tmp_path, precision=precision))
    watched = trainer.network.refinement.attention = Watched(
        trainer.network.refinement.attention, amp
    )
    trainer.step()
    assert amp.rounded.keys() == {"conv2d", "conv2d_transpose"}
    assert watched.calls == 3 and not watched.rounded


@pytest.mark.skipif(paddle.__version__ < "3", reason="graphs without types of operators")
def test_paddle_itself_takes_the_convolutions_alone_to_16_bits(static_graph):
    """Its rules for casts, as it applies them to a graph that never runs: they need no GPU."""
    x = paddle.static.data("x", [2, 5, 32, 32], "float32")
    coarse, critic = CoarseNetwork(4), GlobalCritic((32, 32), 4)
    with computing_in("bf16"):
        loss = (critic(coarse(x)) - 1.0).abs().mean()
    narrow, wide = set(), set()
    for operator in static_graph.global_block().ops:
        for value in operator.results():
            names = narrow if "bf16" in str(value.type()) else wide
            names.add(operator.name())
    assert loss.dtype == paddle.float32
    assert narrow == {"pd_op.conv2d", "pd_op.conv2d_transpose", "pd_op.cast"}
    assert not wide & {"pd_op.conv2d", "pd_op.conv2d_transpose"}
    assert wide >= {"pd_op.matmul", "pd_op.elu", "pd_op.leaky_relu", "pd_op.mean"}


@pytest.fixture
def static_graph():
    paddle.enable_static()
    program = paddle.static.Program()
    try:
        with paddle.static.program_guard(program, paddle.static.Program()):
            yield program
    finally:
        paddle.disable_static()


class Watched(nn.Layer):
    """An attention that counts what is rounded while it works."""

    def __init__(self, attention: nn.Layer, amp: SimulatedAmp):
        super().__init__()
        self.attention, self.amp = attention, amp
        self.calls, self.rounded, self.types = 0, 0, set()

    def forward(self, *tensors):
        before = self.amp.rounded.total()
        result = self.attention(*tensors)
        self.calls += 1
        self.rounded += self.amp.rounded.total() - before
        self.types |= {tensor.dtype for tensor in tensors}
        return result


def test_features_of_16_bits_are_widened_for_the_attention(photos, tmp_path, amp):
    trainer = Trainer(small_config(photos, tmp_path, precision="bf16"))
    refinement = trainer.network.refinement
    refinement.attention_encoder.add_sublayer("narrow", Narrow())
    refinement.attention = Watched(refinement.attention, amp)
    trainer.step()
    assert refinement.attention.types == {paddle.float32}


class Narrow(nn.Layer):
    def forward(self, x):
        return x.astype("bfloat16")


@MIXED
def test_the_penalty_is_that_of_float32(photos, tmp_path, amp, precision):
    loader = Trainer(small_config(photos, tmp_path, data__batch_size=4)).loader
    batch = next(loader)
    objective = build_objective(
        "wgan_gp",
        lambda masked_image, mask: Prediction(0.5 * masked_image),  # has no convolutions
        image_size=(32, 32),
        local_size=(16, 16),
        seed=3,
        critic_channels=4,
    )
    penalties = []
    for present in ("fp32", precision):
        with computing_in(present):
            loss, terms = objective.critic_loss(batch)
        penalties.append(float(terms["gradient_penalty"]))
        assert loss.dtype == paddle.float32
    assert penalties[0] == penalties[1]


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 5e-3), ("fp16", 1e-3)])
def test_losses_follow_those_of_float32(photos, tmp_path, precision, tolerance, expected_curves):
    """20 iterations; the L1 terms were 2e-4 apart at most in bf16, 3e-5 in fp16.

    With PaddlePaddle 2.6 4e-3 and 5e-4: on a CPU it cuts bfloat16 off instead of rounding.
    """
    actual = curves(photos, tmp_path, precision, 20)
    assert np.isfinite(actual).all()
    assert (actual != expected_curves).any()
    np.testing.assert_allclose(actual[:, :2], expected_curves[:, :2], rtol=tolerance)


@pytest.fixture(scope="module")
def expected_curves(photos, tmp_path_factory) -> np.ndarray:
    return curves(photos, tmp_path_factory.mktemp("run"), "fp32", 20)


@pytest.mark.slow
@MIXED
def test_training_converges_as_in_float32(photos, tmp_path, precision):
    """200 iterations at ten times the usual step; L1 falls by a seventh.

    Means over 20 iterations were 0.7 % apart at most, as far as two runs in float32 whose steps
    differ by 1e-4 of themselves come apart (0.4 %).
    """
    expected = curves(photos, tmp_path, "fp32", 200, optimizer__learning_rate=1e-3)
    actual = curves(photos, tmp_path, precision, 200, optimizer__learning_rate=1e-3)
    assert np.isfinite(actual).all()
    l1, expected_l1 = (blocks[:, :2].sum(1) for blocks in (means(actual), means(expected)))
    assert expected_l1[-1] < 0.9 * expected_l1[0]
    np.testing.assert_allclose(l1, expected_l1, rtol=0.03)
    wasserstein, penalty = means(actual)[-1, 2:]
    assert wasserstein == pytest.approx(means(expected)[-1, 2], rel=0.3)
    assert penalty < 0.2 * actual[0, 3]


def curves(photos, folder, precision, iterations, **changes) -> np.ndarray:
    """hole_l1, known_l1, wasserstein, gradient_penalty of each iteration: [iterations, 4]."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        SimulatedAmp(monkeypatch)
        trainer = Trainer(small_config(photos, folder, precision=precision, **changes))
        terms = ("hole_l1", "known_l1", "wasserstein", "gradient_penalty")
        steps = (trainer.step() for _ in range(iterations))
        return np.array([[float(scalars[term]) for term in terms] for scalars in steps])


def means(curves: np.ndarray) -> np.ndarray:
    return curves.reshape(-1, 20, curves.shape[1]).mean(1)


def test_the_optimizer_gets_gradients_without_the_scale(photos, tmp_path, amp):
    """Adam's steps would hide it, its running means do not.

    Single gradients differ more than rounding explains, where a unit is near the kink of its
    activation; their length was 0.8 % apart at most.
    """
    lengths = []
    for precision in ("fp32", "fp16"):
        trainer = Trainer(small_config(photos, tmp_path, precision=precision))
        trainer.step()
        lengths.append(
            [
                length_of_mean_gradient(trainer.optimizers[phase.name], phase.trains)
                for phase in trainer.phases
            ]
        )
    expected, actual = lengths
    assert actual == pytest.approx(expected, rel=0.05)


def length_of_mean_gradient(optimizer, layer) -> float:
    state = optimizer_arrays(optimizer, layer)
    means = [array.ravel() for name, array in state.items() if name.startswith("moment1")]
    return float(np.linalg.norm(np.concatenate(means)))


def test_an_overflow_is_no_bad_update_until_the_scale_is_1(photos, tmp_path, amp, monkeypatch):
    """Infinite gradients, such as another process may have brought into the mean."""

    def average_(tensors):
        paddle.assign(paddle.full_like(tensors[-1], np.inf), output=tensors[-1])

    monkeypatch.setattr(parallel, "average_", average_)
    monkeypatch.setattr(
        "ppdeepfill.training.iterations.loss_scale", lambda _: LossScale(8.0, largest=8.0)
    )
    trainer = Trainer(
        small_config(
            photos,
            tmp_path,
            precision="fp16",
            schedule__max_bad_updates=1,
            objective__options__critic_steps=1,
        )
    )
    before = {p.name: p.numpy() for p in trainer.network.parameters()}
    for _ in range(3):  # 8 to 1
        trainer.step()
    assert all((before[p.name] == p.numpy()).all() for p in trainer.network.parameters())
    assert trainer.meter.state()["loss"][1] == 3  # losses were fine, and are not hidden
    with pytest.raises(UserError, match="1 updates in a row were nan or infinite"):
        trainer.step()


def test_a_loss_of_nan_ends_the_run_whatever_the_scale(photos, tmp_path, amp):
    config = small_config(photos, tmp_path, precision="fp16", schedule__max_bad_updates=2)
    trainer = Trainer(config)
    critic, generator = trainer.phases
    nan = critic._replace(loss=lambda batch: (critic.loss(batch)[0] * float("nan"), {}))
    trainer.phases = [nan, generator]
    with pytest.raises(UserError, match="2 updates in a row were nan"):
        trainer.step()


def test_an_interrupted_run_ends_as_an_uninterrupted_one(photos, tmp_path, amp, monkeypatch):
    """With a scale that overflows at first and grows again soon."""
    monkeypatch.setattr(
        "ppdeepfill.training.iterations.loss_scale",
        lambda _: LossScale(2.0**24, largest=2.0**24, patience=3),
    )
    config = small_config(photos, "run", precision="fp16", schedule__iterations=6)
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    Trainer(config).fit()
    monkeypatch.chdir(tmp_path / "parts")
    interrupted = Trainer(config)
    step = interrupted.step

    def step_with_signal():
        if interrupted.iteration == 2:
            signal.raise_signal(signal.SIGINT)
        return step()

    interrupted.step = step_with_signal
    with pytest.raises(SystemExit):
        interrupted.fit()
    Trainer(config).fit()

    whole = tmp_path / "whole" / "run"
    scales = [
        read_checkpoint(whole / "checkpoints" / f"iter_0000000{n}").progress["loss_scales"]
        for n in (2, 4, 6)
    ]
    assert scales[0]["critic"]["value"] < 2.0**24 and scales[0] != scales[1] != scales[2]
    for name, content in read_checkpoints(whole).items():
        assert (tmp_path / "parts" / "run" / name).read_bytes() == content, name
    assert read_metrics(whole) == read_metrics("run")


def test_a_run_may_go_on_in_another_precision(photos, tmp_path, amp):
    Trainer(small_config(photos, tmp_path, schedule__iterations=1)).fit()
    for iterations, precision, scale in [(2, "fp16", 2.0**16), (3, "bf16", 1.0)]:
        trainer = Trainer(
            small_config(photos, tmp_path, precision=precision, schedule__iterations=iterations)
        )
        trainer.fit()
        assert trainer.iteration == iterations
        assert {s.value for s in trainer.scales.values()} == {scale}
