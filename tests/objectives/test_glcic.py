# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The three stages of GLCIC against the PyTorch port, and what they must do in any case."""

import numpy as np
import paddle
import pytest
import reference
from glcic_port import completion_network, fill_critic

from ppdeepfill.data.batch import Batch
from ppdeepfill.networks import build_network
from ppdeepfill.objectives import Glcic, build_objective

TOLERANCE = 1e-6  # of losses and gradients in float64; the port's gradients are stored in float32


class Port:
    """The port's objective, batch and stored results, in float64."""

    def __init__(self, golden_dir):
        self.arrays = np.load(golden_dir / "methods" / "glcic" / "discriminator_phases.npz")
        self.network, self.names = completion_network(self.arrays["mpv"], "relu_norm")
        self.objective = Glcic(
            self.network,
            image_size=(160, 160),
            local_size=(96, 96),
            seed=0,
            formulas="port",
            global_layers=5,
            order="relu_norm",
        )
        self.critic = self.objective.critic
        self.critic_names = fill_critic(self.critic)
        self.objective.draw_regions = lambda _: self._regions("crop_real_xywh")
        self.batch = Batch(
            paddle.to_tensor(2.0 * self.arrays["image"].astype(np.float64) - 1.0),
            paddle.to_tensor(self.arrays["mask_u8"].astype(np.float64)),
            self._regions("crop_fake_xywh"),
            np.arange(2),
        )

    def _regions(self, name: str) -> np.ndarray:
        left, top, width, height = self.arrays[name].tolist()
        return np.array([[top, left, height, width]] * 2)

    def check_gradients(self, stage: str, layer, names) -> None:
        """Norms and values of all gradients that the port's run stored."""
        layers = layer.named_sublayers()
        linear = {f"{name}.weight" for name, part in layers if isinstance(part, paddle.nn.Linear)}
        for name, parameter in trained(layer).items():
            ours, theirs = parameter.grad.numpy(), names[name]
            norm = float(self.arrays[f"f64/{stage}/gradnorm/{theirs}"])
            assert np.linalg.norm(ours) == pytest.approx(norm, rel=TOLERANCE), name
            ours = (ours.T if name in linear else ours).ravel()
            for kind in ("grad", "gradhead"):
                key = f"f64/{stage}/{kind}/{theirs}"
                if key in self.arrays.files:
                    stored = self.arrays[key].ravel()
                    assert reference.relative_error(ours[: stored.size], stored) < TOLERANCE, name

    def check_step(self, stage: str, before: dict, layer, names) -> None:
        """How far the weights are from where they began."""
        for name, parameter in trained(layer).items():
            change = np.linalg.norm(parameter.numpy() - before[name])
            theirs = float(self.arrays[f"f64/{stage}/deltanorm/{names[name]}"])
            assert change == pytest.approx(theirs, rel=TOLERANCE), name


def trained(layer) -> dict[str, paddle.Tensor]:
    """Its parameters; to Paddle the statistics of a batch normalisation are parameters too."""
    statistics = ("._mean", "._variance")
    return {n: p for n, p in layer.named_parameters() if not n.endswith(statistics)}


def accept_gradients_of(chosen, layers) -> None:
    for layer in layers:
        for parameter in trained(layer).values():
            parameter.stop_gradient = layer is not chosen


def weights(layer) -> dict[str, np.ndarray]:
    return {name: parameter.numpy() for name, parameter in trained(layer).items()}


def adadelta(layer):
    return paddle.optimizer.Adadelta(1.0, epsilon=1e-6, rho=0.9, parameters=layer.parameters())


@pytest.mark.slow
def test_first_stage_agrees_with_port(golden_dir, float64):
    port = Port(golden_dir)
    optimizer, before = adadelta(port.network), weights(port.network)
    for step in (1, 2):
        loss, _ = port.objective.completion_loss(port.batch)
        expected = float(port.arrays[f"f64/p1/loss{step}"])
        assert float(loss) == pytest.approx(expected, rel=TOLERANCE)
        loss.backward()
        if step == 1:
            port.check_gradients("p1", port.network, port.names)
        optimizer.step()
        optimizer.clear_grad()
        port.check_step(f"p1/step{step}", before, port.network, port.names)


@pytest.mark.slow
def test_second_stage_agrees_with_port(golden_dir, float64):
    port = Port(golden_dir)
    loss, _ = port.objective.critic_loss(port.batch)
    assert float(loss) == pytest.approx(float(port.arrays["f64/p2/loss"]), rel=TOLERANCE)
    optimizer = adadelta(port.critic)
    loss.backward()
    assert all(p.grad is None for p in port.network.parameters())
    port.check_gradients("p2", port.critic, port.critic_names)
    before = weights(port.critic)
    optimizer.step()
    port.check_step("p2/step1", before, port.critic, port.critic_names)


@pytest.mark.slow
def test_third_stage_agrees_with_port_without_its_bug(golden_dir, float64):
    """The port adds the generator's gradients to the critic's; `p3_clean` clears them before."""
    port = Port(golden_dir)
    critic, generator = port.objective.phases()[2:]
    optimizers = {phase.name: adadelta(phase.trains) for phase in (critic, generator)}
    columns = {"critic": (2, 6), "generator": (5, 7)}  # loss, norm of all gradients
    # Paddle rounds rho to float32 (1e-8), and Adadelta's first, large updates amplify that.
    tolerances = (TOLERANCE, TOLERANCE, 1e-3)
    for row, tolerance in zip(port.arrays["p3_clean/traj_f64"], tolerances, strict=True):
        for phase in (critic, generator):
            accept_gradients_of(phase.trains, (port.critic, port.network))
            loss, _ = phase.loss(port.batch)
            loss.backward()
            gradients = [p.grad.numpy() for p in trained(phase.trains).values()]
            norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
            for ours, column in zip((float(loss), norm), columns[phase.name], strict=True):
                assert ours == pytest.approx(row[column], rel=tolerance), (phase.name, column)
            optimizers[phase.name].step()
            optimizers[phase.name].clear_grad()


def make_objective(**options) -> Glcic:
    network = build_network("glcic", base_channels=4)
    sizes = {"image_size": (32, 40), "local_size": (16, 16)}
    return build_objective("glcic", network, seed=3, **sizes, critic_channels=2, **options)


@pytest.fixture
def batch(rng) -> Batch:
    """Three 32 x 40 images; boxes of 16 x 16 with a smaller hole inside."""
    image = paddle.to_tensor(rng.uniform(-1, 1, (3, 3, 32, 40)).astype(np.float32))
    mask = np.zeros((3, 1, 32, 40), np.float32)
    bboxes = np.array([[0, 0, 16, 16], [16, 24, 16, 16], [5, 16, 16, 16]])
    for hole, (top, left, height, width) in zip(mask, bboxes, strict=True):
        hole[:, top + 2 : top + height - 2, left : left + width] = 1.0
    return Batch(image, paddle.to_tensor(mask), bboxes, np.arange(10, 13))


def test_stages_follow_each_other():
    phases = make_objective(completion_iterations=3, critic_iterations=2).phases()
    named = [[p.name for p in phases if p.is_part_of(i)] for i in range(7)]
    assert named[:3] == [["completion"]] * 3
    assert named[3:5] == [["critic_alone"]] * 2
    assert named[5:] == [["critic", "generator"]] * 2
    optimizers = [phase.optimizer_name for phase in phases]
    assert optimizers == ["generator", "critic", "critic", "generator"]


@pytest.mark.parametrize("critic_sees", ["refined", "completed"])
def test_each_loss_reaches_what_it_trains_and_nothing_else(batch, critic_sees):
    objective = make_objective(critic_sees=critic_sees)
    modules = (objective.network, objective.critic)
    for phase in objective.phases():
        accept_gradients_of(phase.trains, modules)
        phase.loss(batch)[0].backward()
        for module in modules:
            reached = [p.grad is not None for p in trained(module).values()]
            assert all(reached) if module is phase.trains else not any(reached), phase.name
            module.clear_gradients(set_to_zero=False)


def test_the_paper_doubles_what_the_port_halves(batch):
    paper, port = make_objective(), make_objective(formulas="port")
    port.network.set_state_dict(paper.network.state_dict())
    port.critic.set_state_dict(paper.critic.state_dict())
    paper_loss, port_loss = (float(o.critic_loss(batch)[0]) for o in (paper, port))
    assert paper_loss == pytest.approx(2.0 * port_loss, rel=1e-5)
    terms, port_terms = (o.generator_loss(batch)[1] for o in (paper, port))
    assert float(terms["hole_mse"]) == pytest.approx(float(port_terms["hole_mse"]), rel=1e-5)
    # log(1 - D) is negative, -log D positive
    assert float(terms["adversarial"]) < 0.0 < float(port_terms["adversarial"])


def test_the_squared_error_is_that_of_the_hole_over_the_whole_image(batch):
    objective = make_objective()
    objective.network.eval()
    error, _ = objective.completion_loss(batch)
    refined = objective.network(batch.image * (1.0 - batch.mask), batch.mask).refined
    difference = (refined - batch.image).numpy() * batch.mask.numpy() / 2.0
    assert float(error) == pytest.approx((difference**2).mean(), rel=1e-5)


def test_real_regions_depend_only_on_the_sample(batch):
    objective = make_objective()
    regions = objective.draw_regions(batch)
    assert (regions[:, 2:] == 16).all()
    assert (regions[:, :2] >= 0).all() and (regions[:, :2] <= [16, 24]).all()
    last = batch._replace(sample_numbers=batch.sample_numbers[2:])
    np.testing.assert_array_equal(objective.draw_regions(last), regions[2:])
    assert (make_objective().draw_regions(batch) == regions).all()


def test_options_are_checked():
    with pytest.raises(ValueError, match="negative"):
        make_objective(critic_iterations=-1)
    with pytest.raises(ValueError, match="at least 1"):
        make_objective(local_layers=0)
