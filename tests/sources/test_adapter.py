"""Adapters, held against what PEFT merged them to (`fixtures/peft/make.py`), and against torch."""

from __future__ import annotations

import json
import pickle
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from eigentail.errors import SourceError
from eigentail.sources import open_source
from eigentail.sources.adapters.adapter import Adapter
from eigentail.sources.adapters.forms import multiplied
from eigentail.sources.adapters.merged import Merged, summands
from eigentail.sources.adapters.modules import plain

PEFT = Path(__file__).resolve().parents[1] / "fixtures" / "peft"
MERGED = sorted(path.parent.name for path in PEFT.glob("*/merged.safetensors"))
LORA = [name for name in MERGED if not name.startswith(("dora", "lo"))]
RNG = np.random.default_rng(0)


def target(name: str) -> str:
    adapters = [PEFT / name, *(PEFT / name).glob("second")]
    return "+".join(map(str, [PEFT / name / "base.safetensors", *adapters]))


def values(source: object) -> dict[str, np.ndarray]:
    with closing(open_source(source)) as opened:
        return {spec.name: np.asarray(opened.read(spec)) for spec in opened.tensors() if not spec.refusal}


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", MERGED)
def test_base_and_adapter_are_what_peft_merges(name: str) -> None:
    found, wanted = values(target(name)), values(PEFT / name / "merged.safetensors")
    before = values(PEFT / name / "base.safetensors")
    assert found.keys() == wanted.keys()
    for key, weights in wanted.items():
        assert found[key].dtype == weights.dtype
        np.testing.assert_allclose(found[key].astype(float), weights.astype(float), rtol=1e-6, atol=1e-7)
    assert any((found[key] != before[key]).any() for key in before)


@pytest.mark.parametrize("name", ["fan", "dora", "dora_fan", "conv", "embedding", "loha", "plain"])
def test_rows_are_those_of_the_whole(name: str) -> None:
    with closing(open_source(target(name))) as source:
        for spec in source.tensors():
            np.testing.assert_allclose(source.read(spec, (1, 3)), source.read(spec)[1:3], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", LORA)
def test_an_adapter_alone_is_what_it_adds(name: str) -> None:
    base, merged = values(PEFT / name / "base.safetensors"), values(PEFT / name / "merged.safetensors")
    with closing(open_source(PEFT / name)) as source:
        changes = [spec for spec in source.tensors() if spec.rank]
        assert changes
        for spec in changes if name != "plain" else ():  # there the second one is added as well
            change = merged[spec.name].astype(float) - base[spec.name].astype(float)
            rounding = 2.0**-8 * np.abs(merged[spec.name].astype(float)) if name == "half" else 1e-6
            assert spec.shape == change.shape
            assert np.all(np.abs(source.read(spec) - change) <= rounding)
            factors = source.factors(spec)
            assert factors.right.shape[0] == spec.rank
            np.testing.assert_allclose(multiplied(factors), source.read(spec), rtol=1e-6)


def test_a_dora_alone_says_that_it_needs_its_base() -> None:
    with closing(open_source(PEFT / "dora")) as source:
        assert {spec.refusal for spec in source.tensors()} == {
            "DoRA: its lengths are learned apart, and what it changes is known beside its base only: give base+adapter"
        }
        with pytest.raises(SourceError, match="DoRA"):
            source.read(source.tensors()[0])


@pytest.mark.parametrize(("name", "kind"), [("ia3", "IA3"), ("vera", "VeRA")])
def test_a_kind_that_is_not_put_together_is_named(name: str, kind: str) -> None:
    sentence = f"a tensor of an adapter of the kind {kind}, which this version does not put together"
    with closing(open_source(PEFT / name)) as source:
        assert sentence in {spec.refusal for spec in source.tensors()}
    with pytest.raises(SourceError, match=f"cannot be added: .*{kind}"):
        open_source(target(name))


def test_prompts_are_named_by_their_configuration(tmp_path: Path) -> None:
    save_file({"prompt_embeddings": normal(8, 16)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "PROMPT_TUNING"}')
    with closing(open_source(tmp_path)) as source:
        assert "of the kind PROMPT_TUNING" in source.tensors()[0].refusal


def test_every_convention_says_the_same() -> None:
    down, up = normal(4, 32), normal(24, 4)
    module = "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q"
    kohya = "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q"
    conventions = {
        f"base_model.model.{module}.lora_A.weight": f"base_model.model.{module}.lora_B.weight",
        f"{module}.lora_A.default.weight": f"{module}.lora_B.default.weight",
        f"{module}.lora.down.weight": f"{module}.lora.up.weight",
        f"{module}.lora_linear_layer.down.weight": f"{module}.lora_linear_layer.up.weight",
        f"{module.removesuffix('.to_q')}.processor.to_q_lora.down.weight": (
            f"{module.removesuffix('.to_q')}.processor.to_q_lora.up.weight"
        ),
        f"{kohya}.lora_down.weight": f"{kohya}.lora_up.weight",
    }
    for one, two in conventions.items():
        found = values({one: down, two: up})
        assert list(found) == [f"{module}.weight"]
        np.testing.assert_allclose(found[f"{module}.weight"], up @ down, rtol=1e-5, atol=1e-6)


def test_kohyas_alpha_is_divided_by_the_rank() -> None:
    down, up = normal(4, 32), normal(24, 4)
    name = "lora_te_text_model_encoder_layers_3_mlp_fc1"
    pair = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": np.float16(2)}
    source = open_source(pair)
    (spec,) = source.tensors()
    assert spec.name == "text_encoder.text_model.encoder.layers.3.mlp.fc1.weight"
    np.testing.assert_allclose(source.read(spec), 0.5 * up @ down, rtol=1e-5, atol=1e-6)
    assert source.factors(spec).note == "LoRA r = 4, alpha = 2: scale 0.5 (alpha / r)"


def test_a_kernel_is_the_convolution_of_its_factors() -> None:
    """lora_up after lora_down is one convolution with the kernel that the source shows; with a middle one too."""
    down, mid, up = normal(3, 8, 1, 1), normal(3, 3, 3, 3), normal(12, 3, 1, 1)
    picture = torch.from_numpy(normal(1, 8, 9, 9))
    (kernel,) = values({"c.lora_down.weight": down, "c.lora_mid.weight": mid, "c.lora_up.weight": up}).values()
    wanted = picture
    for factor in (down, mid, up):
        wanted = torch.nn.functional.conv2d(wanted, torch.from_numpy(factor))
    assert kernel.shape == (12, 8, 3, 3)
    found = torch.nn.functional.conv2d(picture, torch.from_numpy(kernel.copy()))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_kohyas_names_find_their_place_in_a_base() -> None:
    base = {"model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight": normal(24, 32)}
    name = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
    down, up = normal(4, 32), normal(24, 4)
    adapter = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    merged = Merged(open_source(base), [open_source(adapter)])
    ((key, before),) = base.items()
    (spec,) = merged.tensors()
    assert spec.name == key
    np.testing.assert_allclose(merged.read(spec), before + up @ down, rtol=1e-5, atol=1e-5)


def test_tied_weights_are_changed_together() -> None:
    table = normal(20, 8)
    base = open_source({"embed.weight": table, "head.weight": table})
    pair = {"head.lora_A.weight": normal(2, 8), "head.lora_B.weight": normal(20, 2)}
    merged = Merged(base, [open_source(pair)])
    one, two = (merged.read(spec) for spec in merged.tensors())
    assert (one == two).all()
    assert (one != table).any()


def test_adapters_travel_as_references(tmp_path: Path) -> None:
    for opened in (str(PEFT / "conv"), target("plain")):
        source = open_source(opened)
        copy = pickle.loads(pickle.dumps(source))
        assert copy.tensors() == source.tensors()
        assert (copy.read(copy.tensors()[0]) == source.read(source.tensors()[0])).all()
        again = open_source(source.ref)
        assert again.tensors() == source.tensors()
        for one in (source, copy, again):
            one.close()


def test_a_sum_that_changed_is_refused(tmp_path: Path) -> None:
    shutil.copytree(PEFT / "rs", tmp_path / "rs")
    source = open_source(f"{tmp_path}/rs/base.safetensors+{tmp_path}/rs")
    source.close()
    arrays = load_file(tmp_path / "rs" / "adapter_model.safetensors")
    save_file({**arrays, "more": normal(2)}, tmp_path / "rs" / "adapter_model.safetensors")
    with pytest.raises(SourceError, match="has changed since"):
        open_source(source.ref)


def test_a_plus_sign_may_be_part_of_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "c++"
    folder.mkdir()
    for name in ("a.npy", "b.npy"):
        (folder / name).touch()
    assert summands(str(folder)) == (str(folder),)
    assert summands(f"{folder}/a.npy+{folder}/b.npy") == (f"{folder}/a.npy", f"{folder}/b.npy")


def test_a_model_in_memory_says_its_scale_itself() -> None:
    class Config:
        def to_dict(self) -> dict[str, object]:
            return {"r": 2, "lora_alpha": 8, "peft_type": "LORA"}

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.peft_config = {"default": Config()}
            self.q_proj = torch.nn.Module()
            self.q_proj.base_layer = torch.nn.Linear(32, 24)
            self.q_proj.lora_A = torch.nn.ModuleDict({"default": torch.nn.Linear(32, 2, bias=False)})
            self.q_proj.lora_B = torch.nn.ModuleDict({"default": torch.nn.Linear(2, 24, bias=False)})

    net = Net()
    source = open_source(net)
    specs = {spec.name: spec for spec in source.tensors()}
    assert list(specs) == ["q_proj.base_layer.weight", "q_proj.base_layer.bias", "q_proj.weight"]
    wanted = 4 * (net.q_proj.lora_B["default"].weight @ net.q_proj.lora_A["default"].weight).detach().numpy()
    np.testing.assert_allclose(source.read(specs["q_proj.weight"]), wanted, rtol=1e-5, atol=1e-6)


def test_models_without_adapters_are_left_alone() -> None:
    source = open_source({"snake.alpha": normal(4), "fc.weight": normal(4, 4), "block.a1.weight": normal(3, 3)})
    assert not isinstance(source, Adapter)
    assert [spec.name for spec in source.tensors()] == ["snake.alpha", "fc.weight", "block.a1.weight"]


def test_the_path_of_the_base_is_never_followed(tmp_path: Path) -> None:
    shutil.copytree(PEFT / "rs", tmp_path / "rs")
    config = json.loads((tmp_path / "rs" / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "../../../../../../etc/passwd"
    (tmp_path / "rs" / "adapter_config.json").write_text(json.dumps(config))
    assert values(tmp_path / "rs").keys() == values(PEFT / "rs").keys()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lora_transformer_single_transformer_blocks_3_attn_to_k", "transformer.single_transformer_blocks.3.attn.to_k"),
        ("lora_te2_text_model_encoder_layers_0_self_attn_out_proj",
         "text_encoder_2.text_model.encoder.layers.0.self_attn.out_proj"),
        ("lora_unet_up_blocks_1_resnets_2_time_emb_proj", "unet.up_blocks.1.resnets.2.time_emb_proj"),
        ("lycoris_layers_0_attention_to_v", "layers.0.attention.to_v"),
        ("base_model.model.h.0.attn.c_attn", "h.0.attn.c_attn"),
    ],
)  # fmt: skip
def test_names_are_taken_apart_at_the_right_underscores(name: str, wanted: str) -> None:
    assert plain(name) == wanted
