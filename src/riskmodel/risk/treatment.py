"""Support inside the label window, learnt from and then settled at "none".

Pupils who stayed because they were supported must not teach the model that they were safe. Support received after
the cut-off date is a column in training. Nobody has it when scores are given, so its answer at every split is
known: the splits on it are taken out of the trees, each replaced by its branch "none". What remains scores
exactly as the whole model would with the column at 0, knows nothing of the treatment, and its reasons add up over
the features alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from riskmodel.errors import RunFailedError
from riskmodel.messages import message

NONE = 0.0
"""The value of the column for a pupil without new support."""


@dataclass(frozen=True)
class _Split:
    feature: str
    threshold: str
    decision: str
    gain: str
    left: _Node
    right: _Node


@dataclass(frozen=True)
class _Leaf:
    value: str
    weight: str
    count: str


_Node = _Split | _Leaf


def settle(text: str, column: int) -> str:
    """Return the LightGBM model ``text`` without its last column ``column``, which is taken to be ``NONE``.

    Covers of the branches are counted anew from the leaves that remain: the path-dependent Shapley values are
    those of a pupil without new support.
    """
    head, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    tail = text.partition("\nend of trees")[2]
    written = []
    for tree in trees:
        number, _, body = tree.partition("\n")
        lines = dict(line.split("=", 1) for line in body.splitlines() if "=" in line)
        if lines["num_cat"] != "0":
            raise RunFailedError(
                message("A model with a treatment must be made of numeric splits."),
                found=message("It has a categorical one."),
                remedy=message("Give the codes as numbers."),
            )
        kept = _without(_read(lines), str(column))
        written.append(f"Tree={number}\n" + _write(kept, lines["shrinkage"]) + "\n\n")
    sizes = " ".join(str(len(tree.encode("utf-8"))) for tree in written)
    head_lines = []
    for line in head.splitlines():
        name, _, value = line.partition("=")
        match name:
            case "max_feature_idx":
                head_lines.append(f"{name}={column - 1}")
            case "feature_names" | "feature_infos" | "monotone_constraints":
                head_lines.append(f"{name}=" + " ".join(value.split(" ")[:column]))
            case "tree_sizes":
                head_lines.append(f"{name}={sizes}")
            case _:
                head_lines.append(line)
    return "\n".join(head_lines) + "\n\n" + "".join(written) + "end of trees" + tail


def _read(lines: dict[str, str]) -> _Node:
    arrays = {name: value.split(" ") for name, value in lines.items()}
    if lines["num_leaves"] == "1":
        return _Leaf(arrays["leaf_value"][0], "0", "0")

    def node(place: int) -> _Node:
        if place < 0:
            leaf = ~place
            return _Leaf(*(arrays[name][leaf] for name in ("leaf_value", "leaf_weight", "leaf_count")))
        feature, threshold, decision, gain = (
            arrays[name][place] for name in ("split_feature", "threshold", "decision_type", "split_gain")
        )
        left, right = (node(int(arrays[side][place])) for side in ("left_child", "right_child"))
        return _Split(feature, threshold, decision, gain, left, right)

    return node(0)


def _without(node: _Node, feature: str) -> _Node:
    if isinstance(node, _Leaf):
        return node
    if node.feature == feature:
        return _without(node.left if float(node.threshold) >= NONE else node.right, feature)
    left, right = _without(node.left, feature), _without(node.right, feature)
    return _Split(node.feature, node.threshold, node.decision, node.gain, left, right)


def _write(root: _Node, shrinkage: str) -> str:
    """Return the lines of one tree, nodes numbered parent before child as LightGBM does."""
    leaves: list[_Leaf] = []
    splits: list[list[str]] = []

    def place(node: _Node) -> tuple[int, float, float, int]:
        # Returns the number of the node and its mean value, weight and count.
        if isinstance(node, _Leaf):
            leaves.append(node)
            return ~(len(leaves) - 1), float(node.value), float(node.weight), int(node.count)
        own = len(splits)
        splits.append([])
        left, right = place(node.left), place(node.right)
        count = left[3] + right[3]
        value = (left[1] * left[3] + right[1] * right[3]) / count if count else 0.0
        weight = left[2] + right[2]
        numbers = (str(left[0]), str(right[0]), repr(value), repr(weight), str(count))
        splits[own] = [node.feature, node.gain, node.threshold, node.decision, *numbers]
        return own, value, weight, count

    place(root)
    columns = [" ".join(split[part] for split in splits) for part in range(9)]
    names = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")
    lines = [f"num_leaves={len(leaves)}", "num_cat=0"]
    lines += [f"{name}={column}" for name, column in zip(names, columns, strict=False)]
    lines += [
        "leaf_value=" + " ".join(leaf.value for leaf in leaves),
        "leaf_weight=" + " ".join(leaf.weight for leaf in leaves),
        "leaf_count=" + " ".join(leaf.count for leaf in leaves),
    ]
    lines += [
        f"{name}={column}"
        for name, column in zip(("internal_value", "internal_weight", "internal_count"), columns[6:], strict=True)
    ]
    return "\n".join([*lines, "is_linear=0", f"shrinkage={shrinkage}", ""])
