"""The trees of a LightGBM text: read, changed, written again.

Both changes take splits out and leave one branch in their place. LightGBM reads the new text as it would its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from riskmodel.errors import RunFailedError
from riskmodel.messages import message

IS_CATEGORICAL = 1
"""Bit of LightGBM's ``decision_type``."""

WORD_BITS = 32


@dataclass(frozen=True)
class Split:
    """A node that parts pupils at a threshold; numbers are kept as they were written.

    Where ``decision`` says so it parts them by code instead: the ``categories`` go left.
    """

    feature: str
    threshold: str
    decision: str
    gain: str
    left: Node
    right: Node
    categories: tuple[int, ...] = ()

    def with_branches(self, left: Node, right: Node) -> Split:
        """Return the same split with other branches."""
        return replace(self, left=left, right=right)


@dataclass(frozen=True)
class Leaf:
    """An end of a tree: what it adds to the log-odds, and the pupils in training that it held."""

    value: str
    weight: str
    count: str

    def joined_with(self, other: Leaf) -> Leaf:
        """Return one leaf for the pupils of both, with their mean value."""
        own, others = int(self.count), int(other.count)
        value = (float(self.value) * own + float(other.value) * others) / (own + others)
        return Leaf(repr(value), repr(float(self.weight) + float(other.weight)), str(own + others))


Node = Split | Leaf


def replant(text: str, change: Callable[[Node], Node], features: int) -> str:
    """Return the model ``text`` with every tree changed, for its first ``features`` columns.

    The covers of the branches are counted anew from the leaves that remain.

    Raises
    ------
    RunFailedError
        When a tree has a categorical split.
    """
    head, trees, tail = _parts(text)
    if any(tree["num_cat"] != "0" for tree in trees):
        raise RunFailedError(
            message("The default model must be made of numeric splits."),
            found=message("It has a categorical one."),
            remedy=message("Give the codes as numbers."),
        )
    written = []
    for number, lines in enumerate(trees):
        written.append(f"Tree={number}\n" + _write(change(_read(lines)), lines["shrinkage"]) + "\n\n")
    sizes = " ".join(str(len(tree.encode("utf-8"))) for tree in written)
    lines_of_head = [_head_line(line, features, sizes) for line in head.splitlines()]
    return "\n".join(lines_of_head) + "\n\n" + "".join(written) + "end of trees" + tail


def read_trees(text: str) -> list[Node]:
    """Return the trees of a model ``text``, in order."""
    return [_read(lines) for lines in _parts(text)[1]]


def _parts(text: str) -> tuple[str, list[dict[str, str]], str]:
    """Return the head, the named lines of each tree, and what follows the trees."""
    body, _, tail = text.partition("\nend of trees")
    head, *trees = body.split("\nTree=")
    lines = [dict(line.split("=", 1) for line in tree.splitlines()[1:] if "=" in line) for tree in trees]
    return head, lines, tail


def _head_line(line: str, features: int, sizes: str) -> str:
    name, _, value = line.partition("=")
    match name:
        case "max_feature_idx":
            return f"{name}={features - 1}"
        case "feature_names" | "monotone_constraints":
            return f"{name}=" + " ".join(value.split(" ")[:features])
        case "feature_infos":
            # The range of a feature in training: its ends are values of single pupils.
            return f"{name}=" + " ".join(["none"] * features)
        case "tree_sizes":
            return f"{name}={sizes}"
    return line


def settled(node: Node, feature: str, value: float) -> Node:
    """Return the tree without the splits on ``feature``, each replaced by the branch that ``value`` takes."""
    if isinstance(node, Leaf):
        return node
    if node.feature == feature:
        return settled(node.left if value <= float(node.threshold) else node.right, feature, value)
    return node.with_branches(settled(node.left, feature, value), settled(node.right, feature, value))


def without_small_leaves(node: Node, pupils: int) -> Node:
    """Return the tree without leaves of fewer than ``pupils``: they join the branch beside them.

    LightGBM estimates counts from sums of second derivatives while it grows a tree, so that its own limit lets
    some smaller leaves pass; a leaf is a statement about its pupils and must not be about a few.
    """
    if isinstance(node, Leaf):
        return node
    left, right = without_small_leaves(node.left, pupils), without_small_leaves(node.right, pupils)
    small = [isinstance(branch, Leaf) and int(branch.count) < pupils for branch in (left, right)]
    if any(small) and isinstance(left, Leaf) and isinstance(right, Leaf):
        return left.joined_with(right)
    if small[0]:
        return right
    return left if small[1] else node.with_branches(left, right)


def _read(lines: dict[str, str]) -> Node:
    arrays = {name: value.split(" ") for name, value in lines.items()}
    if lines["num_leaves"] == "1":
        return Leaf(arrays["leaf_value"][0], "0", "0")

    def node(place: int) -> Node:
        if place < 0:
            leaf = ~place
            return Leaf(*(arrays[name][leaf] for name in ("leaf_value", "leaf_weight", "leaf_count")))
        feature, threshold, decision, gain = (
            arrays[name][place] for name in ("split_feature", "threshold", "decision_type", "split_gain")
        )
        left, right = (node(int(arrays[side][place])) for side in ("left_child", "right_child"))
        categories = _categories(arrays, int(threshold)) if int(decision) & IS_CATEGORICAL else ()
        return Split(feature, threshold, decision, gain, left, right, categories)

    return node(0)


def _categories(arrays: dict[str, list[str]], number: int) -> tuple[int, ...]:
    """Return the codes of a tree's categorical split ``number``: bits of its 32-bit words."""
    first, after = (int(place) for place in arrays["cat_boundaries"][number : number + 2])
    words = [int(word) for word in arrays["cat_threshold"][first:after]]
    return tuple(
        WORD_BITS * place + bit for place, word in enumerate(words) for bit in range(WORD_BITS) if word >> bit & 1
    )


def _write(root: Node, shrinkage: str) -> str:
    """Return the lines of one tree, nodes numbered parent before child as LightGBM does."""
    leaves: list[Leaf] = []
    splits: list[list[str]] = []

    def place(node: Node) -> tuple[int, float, float, int]:
        # Returns the number of the node and its mean value, weight and count.
        if isinstance(node, Leaf):
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
