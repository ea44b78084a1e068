# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import paddle
import pytest
from weight_files.bundles import write_bundle

from ppdeepfill import Inpainter
from ppdeepfill.alignment import recipes, stored
from ppdeepfill.cli import main
from ppdeepfill.errors import UserError, WeightsError
from ppdeepfill.networks import build_network
from ppdeepfill.networks.critics import Critics
from ppdeepfill.training.state import layer_arrays
from ppdeepfill.weights import convert
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.weights.converters.deepfill_v1 import (
    critics_from_torch,
    critics_names,
    generator_from_torch,
    generator_names,
)
from ppdeepfill.weights.finding import load_generator
from ppdeepfill.weights.generator_file import Generator, read_critics, read_generator

SMALL = {"base_channels": 2}
TRAINING_STATE = ["beta1_power", "lr", "global_step", "inpaint_net/conv1/kernel/Adam"]


@pytest.fixture(scope="module")
def network():
    return build_network("deepfill_v1", **SMALL)


@pytest.fixture(scope="module")
def critics():
    return {
        name: Critics((64, 64), (32, 32), 2, reference=name) for name in ("tensorflow", "torch")
    }


def authors_arrays(network, critics=None):
    """Weights under the authors' names, with what else a training of theirs saves."""
    arrays = recipes.tensorflow_arrays(network, generator_names(), gain=1.0)
    if critics is not None:
        arrays |= recipes.tensorflow_arrays(critics, critics_names(), gain=2.0)
    return arrays | {name: np.zeros([2], np.float32) for name in TRAINING_STATE}


def port_arrays(network, names=generator_names):
    """Weights under the port's names."""
    shapes = recipes.torch_shapes(network, names())
    return recipes.torch_arrays([port for _, port, _ in names()], shapes, seed=1000)


def predict(path, image, mask):
    with paddle.no_grad():
        image, mask = paddle.to_tensor(image * (1.0 - mask)), paddle.to_tensor(mask)
        return Inpainter.from_checkpoint(path).network(image, mask)


# --- agreement with the references ------------------------------------------------------------


def test_the_authors_checkpoint_gives_the_authors_pictures(tmp_path):
    """Through files: what TensorFlow saves goes in, what it computed comes out, in 8 bits too."""
    theirs = stored.load("tensorflow_generator")
    write_bundle(tmp_path / "theirs" / "snap-0", authors_arrays(build_network("deepfill_v1")))
    convert.convert(tmp_path / "theirs", tmp_path / "ours", origin="tensorflow")
    image = theirs["image"][:, :128, :200]  # BGR
    hole = (theirs["mask"][0, :128, :200, 0] > 127).astype(np.float32)[None, None]
    prediction = predict(tmp_path / "ours", recipes.rgb_nchw(image) / np.float32(127.5) - 1, hole)
    for name in ("coarse", "refined"):
        ours = getattr(prediction, name).numpy()[:, :, ::2, ::2]
        np.testing.assert_allclose(ours, recipes.rgb_nchw(theirs[name]), rtol=0, atol=2e-5)
    inpainter = Inpainter.from_checkpoint(tmp_path / "ours")
    completed = inpainter(np.ascontiguousarray(image[0, ..., ::-1]), np.uint8(hole[0, 0] * 255))
    expected = (theirs["refined"][0, ..., ::-1] + 1) * 127.5
    inside = hole[0, 0, ::2, ::2] > 0
    assert np.abs(completed[::2, ::2].astype(float) - expected)[inside].max() <= 0.51


def test_the_ports_weights_give_the_ports_pictures(tmp_path, own_arrays):
    stored = np.load(own_arrays / "torch_generator.npz")
    np.savez(tmp_path / "gen.npz", **port_arrays(build_network("deepfill_v1_torch")))
    convert.convert(tmp_path / "gen.npz", tmp_path / "ours.safetensors", origin="torch")
    image = recipes.blocks(15, (2, 3, 128, 128))
    mask = recipes.rectangles((128, 128), [[24, 88, 8, 72], [48, 128, 40, 100]])
    prediction = predict(tmp_path / "ours.safetensors", image, mask)
    for name in ("coarse", "refined"):
        ours = getattr(prediction, name).numpy()[:, :, ::2, ::2]
        np.testing.assert_allclose(ours, stored[name], rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["g256", "g256b2", "s512x680", "s133x203"])
def test_the_checkpoint_that_tensorflow_wrote_gives_its_pictures(tmp_path, golden_dir, case):
    folder = golden_dir / "tensorflow"
    convert.convert(folder / "checkpoint_random", tmp_path / "ours", origin="tensorflow")
    arrays = np.load(folder / "generator_forward_tf.npz")
    stored = {n.split(".")[1]: arrays[n] for n in arrays.files if n.split(".")[0] == case}
    image = stored["image_uint8"]
    if "mask_uint8" in stored:
        hole = stored["mask_uint8"][0, :, :, 0] > 127
    else:
        top, left, height, width = stored["hole_tlhw"].tolist()
        hole = np.zeros(image.shape[1:3], bool)
        hole[top : top + height, left : left + width] = True
    height, width = (side // 8 * 8 for side in hole.shape)
    image, hole = image[:, :height, :width], hole[:height, :width]
    mask = np.broadcast_to(np.float32(hole), (len(image), 1, height, width))
    prediction = predict(tmp_path / "ours", recipes.rgb_nchw(image) / np.float32(127.5) - 1, mask)
    for ours, theirs in (("coarse", "x_stage1"), ("refined", "x_stage2")):
        ours = getattr(prediction, ours).numpy()
        np.testing.assert_allclose(ours, recipes.rgb_nchw(stored[theirs]), rtol=0, atol=2e-5)
    if "result_uint8_bgr" in stored:
        inpainter = Inpainter.from_checkpoint(tmp_path / "ours")
        completed = inpainter(np.ascontiguousarray(image[0, ..., ::-1]), np.uint8(hole * 255))
        theirs = stored["result_uint8_bgr"][..., ::-1].reshape(completed.shape)
        assert np.abs(completed.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("origin", ["tensorflow", "torch"])
def test_critics_come_with_the_generator(tmp_path, network, critics, origin):
    theirs = critics[origin]
    if origin == "tensorflow":
        source = write_bundle(tmp_path / "snap-40", authors_arrays(network, theirs))
        expected = recipes.tensorflow_critics_weights(theirs)
    else:
        source = tmp_path / "all.npz"
        arrays = port_arrays(network) | port_arrays(theirs, critics_names)
        np.savez(source, **arrays)
        expected = critics_from_torch(arrays)
    convert.convert(source, tmp_path / "ours", origin=origin)
    found = read_critics(tmp_path / "ours" / "critics.safetensors")
    assert found.keys() == expected.keys() == theirs.state_dict().keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


# --- what a source becomes --------------------------------------------------------------------


def test_every_array_is_used_or_listed(tmp_path, network, critics):
    arrays = authors_arrays(network, critics["tensorflow"]) | {"other": np.ones(3, np.float32)}
    source = write_bundle(tmp_path / "snap-1200", arrays)
    for destination in ("ours", "ours.safetensors"):
        conversion = convert.convert(source, tmp_path / destination, origin="tensorflow")
        used = list(conversion.origins.values())
        assert sorted([*used, *conversion.left_out]) == sorted(arrays)
        text = "\n".join(convert.report(conversion))
        for name in arrays:
            assert f"{name} " in text
        assert conversion.generator.iteration == 1200
        assert bool(conversion.critics) == (destination == "ours")
    assert "other" in conversion.left_out
    assert "folder" in conversion.left_out["discriminator/dout_local_fc/bias"]


def test_a_checkpoint_that_tensorflow_wrote_while_training(tmp_path, own_arrays, network):
    folder = own_arrays / "tensorflow_checkpoint"
    conversion = convert.convert(folder, tmp_path / "ours", origin="tensorflow")
    expected = recipes.tensorflow_generator_weights(network)
    assert conversion.generator.weights.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(conversion.generator.weights[name], array, err_msg=name)
    assert set(conversion.left_out.values()) == {"training state"}
    assert {"global_step", "lr", "inpaint_net/conv1/kernel/Adam_1"} <= conversion.left_out.keys()


def test_a_folder_of_the_port_is_read_as_a_whole(tmp_path, network, critics):
    for number in (10, 430):
        arrays = {n: a + np.float32(number) for n, a in port_arrays(network).items()}
        (tmp_path / f"gen_{number:08d}.pt").write_bytes(pickle.dumps(arrays))
        arrays = port_arrays(critics["torch"], critics_names)
        (tmp_path / f"dis_{number:08d}.pt").write_bytes(pickle.dumps(arrays))
    conversion = convert.convert(tmp_path, tmp_path / "ours", origin="torch")
    assert conversion.generator.iteration == 430 // 5  # the port counts critic updates
    assert len(conversion.critics) == 20
    name = "coarse_generator.conv1.conv.bias"
    expected = port_arrays(network)[name] + np.float32(430)
    found = conversion.generator.weights["coarse.encoder.first.conv.bias"]
    np.testing.assert_array_equal(found, expected)


def test_the_authors_weights_under_the_ports_names(tmp_path, network):
    """As in the file torch_model.p: the names and layout of the port, the rest of the authors."""
    arrays = authors_arrays(network)
    renamed = {}
    for _, port, theirs in generator_names():
        renamed[f"netG.{port}.weight"] = arrays[f"{theirs}/kernel"].transpose(3, 2, 0, 1)
        renamed[f"netG.{port}.bias"] = arrays[f"{theirs}/bias"]
    (tmp_path / "torch_model.p").write_bytes(pickle.dumps(renamed))
    convert.convert(tmp_path / "torch_model.p", tmp_path / "a", origin="tensorflow")
    convert.convert(write_bundle(tmp_path / "snap-0", arrays), tmp_path / "b", origin="tensorflow")
    a, b = (read_generator(tmp_path / name / "generator.safetensors") for name in "ab")
    assert a.network == b.network == "deepfill_v1"
    for name, array in b.weights.items():
        np.testing.assert_array_equal(a.weights[name], array)


@pytest.mark.parametrize("prefix", ["", "netG.", "netG.module."])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_prefixes_and_precisions(tmp_path, network, prefix, dtype):
    arrays = {prefix + name: array.astype(dtype) for name, array in port_arrays(network).items()}
    np.savez(tmp_path / "gen.npz", **arrays)
    convert.convert(tmp_path / "gen.npz", tmp_path / "ours", origin="torch")
    weights = read_generator(tmp_path / "ours" / "generator.safetensors").weights
    expected = arrays[f"{prefix}fine_generator.allconv17.conv.bias"].astype(np.float32)
    np.testing.assert_array_equal(weights["refinement.decoder.to_rgb.conv.bias"], expected)


@pytest.mark.parametrize("name", ["deepfill_v1", "deepfill_v1_torch"])
def test_between_pdparams_and_safetensors(tmp_path, name):
    own = build_network(name, **SMALL)
    save_best(tmp_path / "run", Generator(name, SMALL, 7, layer_arrays(own)))
    for source, destination in [
        ("run", "a.pdparams"),
        ("a.pdparams", "b.safetensors"),
        ("b.safetensors", "c"),
    ]:
        convert.convert(tmp_path / source, tmp_path / destination, origin="paddle")
    found = read_generator(tmp_path / "c" / "generator.safetensors")
    assert found[:3] == (name, SMALL, 7)
    assert_same_weights(load_generator(tmp_path / "a.pdparams"), own)
    assert_same_weights(load_generator(tmp_path / "c"), own)


def test_a_plain_state_dict_has_to_be_told_apart(tmp_path, network):
    paddle.save(network.state_dict(), str(tmp_path / "own.pdparams"))
    with pytest.raises(WeightsError, match="--network deepfill_v1 .*--network deepfill_v1_torch"):
        convert.convert(tmp_path / "own.pdparams", tmp_path / "ours", origin="paddle")
    arguments = {"origin": "paddle", "network": "deepfill_v1_torch"}
    convert.convert(tmp_path / "own.pdparams", tmp_path / "ours", **arguments)
    with pytest.raises(WeightsError, match="unknown network 'deepfill'"):
        convert.convert(
            tmp_path / "own.pdparams", tmp_path / "o", origin="paddle", network="deepfill"
        )
    found = load_generator(tmp_path / "ours")
    assert "reference=torch" in repr(found.refinement.attention)
    assert_same_weights(found, network)


def test_a_state_dict_of_paddle_under_the_ports_names(tmp_path, network):
    """As another Paddle code that kept the port's layers would save it."""
    arrays = port_arrays(network)
    paddle.save({n: paddle.to_tensor(a) for n, a in arrays.items()}, str(tmp_path / "g.pdparams"))
    conversion = convert.convert(tmp_path / "g.pdparams", tmp_path / "ours", origin="paddle")
    assert conversion.generator.network == "deepfill_v1_torch"
    expected = generator_from_torch(arrays)
    for name, array in expected.items():
        np.testing.assert_array_equal(conversion.generator.weights[name], array)


def assert_same_weights(found, expected):
    found, expected = layer_arrays(found), layer_arrays(expected)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


# --- refusals ---------------------------------------------------------------------------------

FIRST = "coarse_generator.conv1.conv.weight"
OTHER = "fine_generator.pmconv9.conv.bias"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({FIRST: None}, "no DeepFill v1 generator"),
        ({OTHER: None}, f"{OTHER} is missing"),
        ({OTHER: np.zeros(7, np.float32)}, r"pmconv9.*\[7\] in our layout, expected \[8\]"),
        ({OTHER: np.zeros([], np.float32)}, r"pmconv9.*\[\].*does not fit"),
        ({OTHER: np.zeros(8, np.int64)}, "pmconv9.*int64"),
        ({OTHER: np.float32([0, 1, np.nan, 3, 4, np.inf, 6, 7])}, "pmconv9.*2 values.*nan"),
        ({OTHER: np.full(8, 1e300)}, "pmconv9.*8 values.*infinite"),
        ({FIRST: np.zeros([3, 5, 5, 5], np.float32)}, "first filter has 3 outputs.*even"),
        ({FIRST: np.zeros([10**6, 5, 1, 1], np.float32)}, "not match the network.*and [0-9]+ more"),
        ({f"ema.{FIRST}": np.zeros([2, 5, 5, 5], np.float32)}, "several networks"),
    ],
)
def test_what_is_no_such_network_is_refused(tmp_path, network, changes, words):
    arrays = port_arrays(network) | changes
    np.savez(tmp_path / "gen.npz", **{n: a for n, a in arrays.items() if a is not None})
    refuse(tmp_path / "gen.npz", tmp_path / "ours", "torch", words)


def test_another_codes_names_are_told(tmp_path, network):
    np.savez(tmp_path / "port.npz", **port_arrays(network))
    source = write_bundle(tmp_path / "tf" / "snap-0", authors_arrays(network))
    np.savez(tmp_path / "tf.npz", **authors_arrays(network))
    refuse(source, tmp_path / "ours", "torch", "no such file")
    refuse(tmp_path / "tf.npz", tmp_path / "ours", "torch", "use --from tensorflow")
    refuse(tmp_path / "port.npz", tmp_path / "ours", "tensorflow", None)


def test_critics_that_are_incomplete_are_refused(tmp_path, network, critics):
    arrays = authors_arrays(network, critics["tensorflow"])
    del arrays["discriminator/dout_global_fc/bias"]
    source = write_bundle(tmp_path / "snap-0", arrays)
    refuse(source, tmp_path / "ours", "tensorflow", "dout_global_fc/bias is missing")


def refuse(source, destination, origin, words):
    """Refused with these words (None: not refused), and nothing is left at the destination."""
    if words is None:
        convert.convert(source, destination, origin=origin)
        return
    with pytest.raises(UserError, match=f"(?s){words}") as error:
        convert.convert(source, destination, origin=origin)
    assert str(source) in str(error.value)
    assert not destination.exists()
    assert not list(destination.parent.glob(".partial*"))


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("touched"),)


def test_a_malicious_file_does_nothing(tmp_path, network, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arrays = port_arrays(network) | {"more": Evil()}
    for name in ("gen.pt", "gen.p", "gen.pdparams", "gen.npz", "gen.safetensors"):
        Path(name).write_bytes(pickle.dumps(arrays))
        for origin in ("torch", "tensorflow", "paddle"):
            assert main(["convert", "--from", origin, name, "ours"]) == 2
            assert "pathlib" in capsys.readouterr().err
    assert not Path("touched").exists()
    assert not Path("ours").exists()


def test_an_existing_destination_is_not_touched(tmp_path, network):
    np.savez(tmp_path / "gen.npz", **port_arrays(network))
    source, taken = tmp_path / "gen.npz", tmp_path / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    for destination, words in [
        (taken, "other files in it"),
        (taken / "notes.txt", "is a file"),
        (source, "cannot be written; use a folder"),
    ]:
        for overwrite in (False, True):
            with pytest.raises(WeightsError, match=words):
                convert.convert(source, destination, origin="torch", overwrite=overwrite)
    assert (taken / "notes.txt").read_text() == "mine"
    for destination in (tmp_path / "ours", tmp_path / "ours.pdparams"):
        convert.convert(source, destination, origin="torch")
        with pytest.raises(WeightsError, match="add --overwrite"):
            convert.convert(source, destination, origin="torch")
        convert.convert(source, destination, origin="torch", overwrite=True)


def test_a_source_is_never_replaced(tmp_path, network):
    np.savez(tmp_path / "gen.npz", **port_arrays(network))
    convert.convert(tmp_path / "gen.npz", tmp_path / "ours", origin="torch")
    source = tmp_path / "ours" / "generator.safetensors"
    before = source.read_bytes()
    for destination in (source, tmp_path / "ours"):
        with pytest.raises(WeightsError, match="is, or contains, the source"):
            convert.convert(source, destination, origin="paddle", overwrite=True)
    assert source.read_bytes() == before


def test_a_full_disk_leaves_nothing(tmp_path, network, monkeypatch, capsys):
    np.savez(tmp_path / "gen.npz", **port_arrays(network))

    def fail(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", fail)
    source, destination = str(tmp_path / "gen.npz"), tmp_path / "ours"
    assert main(["convert", "--from", "torch", source, str(destination)]) == 2
    assert "free some space" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["gen.npz"]


def test_the_command_says_what_it_did(tmp_path, network, capsys):
    np.savez(tmp_path / "torch_model.npz", **port_arrays(network))
    (tmp_path / "torch_model.npz").rename(tmp_path / "torch_model.p")
    arguments = ["--from", "torch", str(tmp_path / "torch_model.p"), str(tmp_path / "ours")]
    assert main(["convert", *arguments]) == 0
    text = capsys.readouterr().out
    assert "coarse_generator.conv1.conv.weight" in text
    assert "84 weights" in text and "wrote" in text
    assert "--from tensorflow" in text  # the file's name is that of the authors' weights
