# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The opponents do the same work as our networks: same weights, same numbers."""

import method_recipes
import numpy as np
import paddle
import pytest
from reference import relative_error

from benchmarks.rows import ROWS
from ppdeepfill.alignment import recipes
from ppdeepfill.alignment.references import PORT, fix_mix, make_batch, precision, train_only
from ppdeepfill.networks import ContextualAttention, build_network
from ppdeepfill.objectives import build_objective
from ppdeepfill.weights.generator_file import load_weights

torch = pytest.importorskip("torch", reason="needs PyTorch, which only the opponents use")
# These import PyTorch.
from benchmarks import (  # noqa: E402
    torch_deepfill_rows,
    torch_deepfill_v1,
    torch_methods,
    torch_wgan_gp,
)

WIDTH, SIDE, LOCAL = 8, 64, 32
CORNERS = ((3, 21), (32, 0))  # of the local regions


@pytest.fixture(autouse=True)
def _float64():
    """So that activations near their kinks fall on the same side in both programs."""
    torch.set_default_dtype(torch.float64)
    with precision("float64"):
        yield
    torch.set_default_dtype(torch.float32)


def _images(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Two images, and masks with different holes."""
    edges = ((8, height - 24, 24, 56), (32, height, 0, 24))
    return recipes.blocks(5, (2, 3, height, width)), recipes.rectangles((height, width), edges)


def _generators():
    """Ours, and the opponent with the same weights."""
    ours = build_network("deepfill_v1_torch", base_channels=WIDTH)
    load_weights(ours, recipes.torch_generator_weights(ours), source="the recipe")
    return ours, _with_weights_of(ours, torch_deepfill_v1.Generator(WIDTH))


def _with_weights_of(ours, theirs):
    """Their parameters come in our order; linear layers are transposed."""
    for target, source in zip(theirs.parameters(), ours.parameters(), strict=True):
        target.data = _tensor(_turned(source.numpy()))
    return theirs


def _turned(array: np.ndarray) -> np.ndarray:
    return array.T if array.ndim == 2 else array


def _tensor(array: np.ndarray):
    return torch.tensor(array, dtype=torch.float64)


def _numpy(tensor) -> np.ndarray:
    return tensor.detach().numpy()


def test_rows_are_named_as_ours():
    rows = torch_deepfill_rows.rows() + torch_methods.rows()
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert set(names) <= ROWS.keys()
    assert all(row.items == ROWS[row.name].items for row in rows)


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_the_generators_agree(size):
    image, mask = _images(*size)
    ours, theirs = _generators()
    masked = image * (1 - mask)
    with paddle.no_grad(), torch.no_grad():
        prediction = ours(paddle.to_tensor(masked, "float64"), paddle.to_tensor(mask, "float64"))
        coarse, refined = theirs(_tensor(masked), _tensor(mask))
    assert np.std(_numpy(refined)) > 0.1  # weights that tell networks apart
    assert relative_error(prediction.coarse, _numpy(coarse)) < 1e-10
    assert relative_error(prediction.refined, _numpy(refined)) < 1e-10


def test_the_attentions_agree_and_so_do_their_gradients():
    features = np.maximum(recipes.normal(7, (2, 6, 16, 24)), 0.0)
    mask = recipes.rectangles((16, 24), [(4, 12, 2, 12), (0, 6, 10, 24)])
    ours = paddle.to_tensor(features, "float64", stop_gradient=False)
    rebuilt = ContextualAttention(reference="torch")(ours, ours, paddle.to_tensor(mask, "float64"))
    theirs = _tensor(features).requires_grad_()
    answer = torch_deepfill_v1.contextual_attention(theirs, theirs, _tensor(mask))
    assert relative_error(rebuilt.features, _numpy(answer)) < 1e-10
    rebuilt.features.square().sum().backward()
    answer.square().sum().backward()
    assert relative_error(ours.grad, theirs.grad.numpy()) < 1e-10


def _both_losses(phase: str):
    """Our objective after the loss of a phase went back, that loss, and the opponent's of each."""
    image, mask = _images(SIDE, SIDE)
    ours, network = _generators()
    sizes = {"image_size": (SIDE, SIDE), "local_size": (LOCAL, LOCAL)}
    objective = build_objective("wgan_gp", ours, seed=0, critic_channels=WIDTH, **sizes, **PORT)
    arrays = recipes.torch_critics_weights(objective.critics)
    load_weights(objective.critics, arrays, source="the recipe")
    critics = _with_weights_of(objective.critics, torch_deepfill_v1.Critics(SIDE, LOCAL, WIDTH))
    mix = np.array([[0.2, 0.7], [0.6, 0.1]])  # 1 = fake here, 1 = real there
    fix_mix(objective, *mix)
    train_only(objective, phase)
    batch = make_batch(image, mask, np.array([(*corner, LOCAL, LOCAL) for corner in CORNERS]))
    loss, _ = getattr(objective, f"{phase}_loss")(batch)
    loss.backward()

    batch = torch_wgan_gp.Batch(_tensor(image), _tensor(mask), list(CORNERS), LOCAL)
    coarse, refined = network(batch.image * (1 - batch.mask), batch.mask)
    if phase == "generator":
        answer = torch_wgan_gp.generator_loss(critics, coarse, refined, batch)
    else:
        completed = torch_deepfill_v1.complete(refined, batch.image, batch.mask).detach()
        weights = _tensor(1 - mix).reshape(2, 2, 1, 1, 1)
        answer = torch_wgan_gp.critic_loss(critics, completed, batch, weights)
    answer.backward()
    trained = (ours, network) if phase == "generator" else (objective.critics, critics)
    return float(loss), answer.item(), *trained


@pytest.mark.parametrize("phase", ["critic", "generator"])
def test_the_losses_agree_and_so_do_their_gradients(phase):
    loss, answer, ours, theirs = _both_losses(phase)
    assert loss == pytest.approx(answer, rel=1e-10)
    for (name, source), target in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        error = np.linalg.norm(_turned(source.grad.numpy()) - target.grad.numpy())
        assert error <= 1e-10 * np.linalg.norm(target.grad.numpy()) + 1e-12, name


@pytest.mark.parametrize(
    ("name", "options"), [("glcic", {"mean_color": [torch_methods.MEAN] * 3}), ("rfr", {})]
)
def test_the_other_networks_agree(name, options):
    image, mask = _images(SIDE, SIDE)
    ours = build_network(name, base_channels=WIDTH, **options)
    theirs, run = torch_methods._network(name, WIDTH)
    ours.eval()
    theirs.eval()
    skipped = ("num_batches_tracked", "ones")  # of one program only
    targets = {k: x for k, x in theirs.state_dict().items() if not k.endswith(skipped)}
    for (key, target), source in zip(targets.items(), ours.state_dict().values(), strict=True):
        array = method_recipes.parameter(3, key, target.shape, gain=1.4, bias=0.1)
        source.set_value(array.astype("float64"))
        target.copy_(torch.tensor(array))
    masked = paddle.to_tensor(image * (1 - mask), "float64")
    with paddle.no_grad(), torch.no_grad():
        refined = (ours(masked, paddle.to_tensor(mask, "float64")).refined + 1) / 2
        answer = run(_tensor((image + 1) / 2), _tensor(mask))
    assert np.std(_numpy(answer)) > 0.02
    # The epsilons of RFR's tail, up to 1e-7, stand elsewhere.
    assert relative_error(refined, _numpy(answer)) < 1e-6
