"""From the published weights to a small int8 ONNX file: the graph by hand, then dynamic quantisation, then checks.

Needs the extra `omniops-minilm[convert]` (onnx, safetensors); imported only when a model is installed. Fused operators
of onnxruntime (`com.microsoft`) do the work of each layer. Peak memory about 0.9 GB, about three seconds.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

Weights = Mapping[str, NDArray[np.float32]]
_OPSET, _IR = 17, 8


def convert(weights: Path, config: Path, target: Path) -> None:
    """Writes the int8 file to `target` from `model.safetensors` and `config.json`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    sizes = json.loads(config.read_text())
    model = _graph(_renamed(load_file(weights)), sizes)
    full = target.with_suffix(".fp32")
    quiet = logging.getLogger()
    before = quiet.level
    quiet.setLevel(logging.ERROR)  # its advice to pre-process does not fit a graph that is made by hand
    try:
        onnx.save(model, str(full))
        quantize_dynamic(
            str(full),
            str(target),
            op_types_to_quantize=["MatMul", "Attention", "Gather"],
            per_channel=True,
            reduce_range=False,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    finally:
        quiet.setLevel(before)
        full.unlink(missing_ok=True)


def _renamed(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """Checkpoints may prefix names with `bert.` and may call the norm's parameters gamma and beta."""
    new = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
    found = {}
    for name, value in weights.items():
        short = name.removeprefix("bert.")
        for old, modern in new.items():
            short = short.replace(old, modern)
        found[short] = value
    return found


class _Builder:
    """Nodes and constants of one graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output


def _graph(weights: Weights, sizes: Mapping[str, Any]) -> Any:
    build = _Builder()
    epsilon = float(sizes["layer_norm_eps"])
    hidden = int(sizes["hidden_size"])
    state = _embeddings(build, weights, epsilon)
    mask = build.node("Cast", ["attention_mask"], "mask_i32", to=TensorProto.INT32)
    for layer in range(int(sizes["num_hidden_layers"])):
        state = _layer(build, weights, layer, state, mask, int(sizes["num_attention_heads"]), epsilon)
    _head(build, state)
    graph = helper.make_graph(
        build.nodes,
        "minilm",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", hidden])],
        build.constants,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="omniops-minilm")


def _embeddings(build: _Builder, weights: Weights, epsilon: float) -> str:
    words = build.constant("word_embeddings", weights["embeddings.word_embeddings.weight"])
    # Every text has token type 0, so its row is part of every position.
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    table = build.constant("position_embeddings", positions)
    zero = build.constant("zero", np.array([0], dtype=np.int64))
    one = build.constant("one", np.array([1], dtype=np.int64))
    two = build.constant("two", np.array([2], dtype=np.int64))
    shape = build.node("Shape", ["input_ids"], "shape")
    length = build.node("Slice", [shape, one, two], "length")
    gathered = build.node("Gather", [words, "input_ids"], "gathered")
    used = build.node("Slice", [table, zero, length, zero], "positions")
    summed = build.node("Add", [gathered, used], "embedded")
    scale = build.constant("embeddings_norm", weights["embeddings.LayerNorm.weight"])
    bias = build.constant("embeddings_norm_bias", weights["embeddings.LayerNorm.bias"])
    return build.node("LayerNormalization", [summed, scale, bias], "state_0", axis=-1, epsilon=epsilon)


def _layer(build: _Builder, weights: Weights, number: int, state: str, mask: str, heads: int, epsilon: float) -> str:
    base, short = f"encoder.layer.{number}.", f"l{number}_"

    def constant(name: str, value: NDArray[Any]) -> str:
        return build.constant(short + name, value)

    def norm(name: str, of: str, residual: str, block: str, bias: str) -> str:
        inputs = [
            of,
            residual,
            constant(f"{name}_gain", weights[f"{base}{block}.LayerNorm.weight"]),
            constant(f"{name}_shift", weights[f"{base}{block}.LayerNorm.bias"]),
            constant(f"{name}_bias", weights[f"{base}{bias}.bias"]),
        ]
        return build.node("SkipLayerNormalization", inputs, short + name, domain="com.microsoft", epsilon=epsilon)

    parts = ("query", "key", "value")
    joined = np.concatenate([weights[f"{base}attention.self.{part}.weight"].T for part in parts], axis=1)
    biases = np.concatenate([weights[f"{base}attention.self.{part}.bias"] for part in parts])
    attention = build.node(
        "Attention",
        [state, constant("qkv", joined), constant("qkv_bias", biases), mask],
        short + "attention",
        domain="com.microsoft",
        num_heads=heads,
    )
    out = constant("out", weights[f"{base}attention.output.dense.weight"].T)
    projected = build.node("MatMul", [attention, out], short + "projected")
    attended = norm("attended", projected, state, "attention.output", "attention.output.dense")
    up = constant("up", weights[f"{base}intermediate.dense.weight"].T)
    wide = build.node("MatMul", [attended, up], short + "wide")
    up_bias = constant("up_bias", weights[f"{base}intermediate.dense.bias"])
    active = build.node("BiasGelu", [wide, up_bias], short + "active", domain="com.microsoft")
    down = constant("down", weights[f"{base}output.dense.weight"].T)
    narrow = build.node("MatMul", [active, down], short + "narrow")
    return norm("state", narrow, attended, "output", "output.dense")


def _head(build: _Builder, state: str) -> None:
    """Mean over the tokens that the mask keeps, then length 1."""
    weights = build.node("Cast", ["attention_mask"], "mask_f32", to=TensorProto.FLOAT)
    last = build.constant("last_axis", np.array([-1], dtype=np.int64))
    first = build.constant("token_axis", np.array([1], dtype=np.int64))
    spread = build.node("Unsqueeze", [weights, last], "mask_spread")
    kept = build.node("Mul", [state, spread], "kept")
    total = build.node("ReduceSum", [kept, first], "total", keepdims=0)
    count = build.node("ReduceSum", [spread, first], "count", keepdims=0)
    mean = build.node("Div", [total, count], "mean")
    build.node("LpNormalization", [mean], "embedding", axis=-1, p=2)
