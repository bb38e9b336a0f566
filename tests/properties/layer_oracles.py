"""What every layer gives for one unpadded row, in plain numpy and loops: no mask, no padding, no batch.

Each function takes a row [length, channels] and the layer's weights in their order, and returns
[out_length, channels] or [channels].
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def sigmoid(values: Array) -> Array:
    return 1 / (1 + np.exp(-values))


def windows(length: int, extent: int, stride: int, rule: str) -> tuple[int, int]:
    """Left padding and number of outputs, by the definitions of MASKED windows."""
    left = {"same": (extent - 1) // 2, "causal": extent - 1}.get(rule, 0)
    if rule == "valid":
        return left, max(0, (length - extent) // stride + 1) if length >= extent else 0
    return left, -(-length // stride)


def convolution(row: Array, kernel: Array, bias: Array, stride: int, dilation: int, rule: str) -> Array:
    taps = len(kernel)
    left, count = windows(len(row), (taps - 1) * dilation + 1, stride, rule)
    output = np.tile(bias, (count, 1)).astype(float)
    for j in range(count):
        for tap in range(taps):
            position = j * stride - left + tap * dilation
            if 0 <= position < len(row):
                output[j] += row[position] @ kernel[tap]
    return output


def separable(
    row: Array, depthwise: Array, pointwise: Array, bias: Array, stride: int, dilation: int, rule: str
) -> Array:
    """depthwise [taps, channels, multiplier], pointwise [1, channels * multiplier, filters]."""
    taps, channels, multiplier = depthwise.shape
    kernel = np.zeros((taps, channels, channels * multiplier))
    for channel in range(channels):
        block = slice(channel * multiplier, (channel + 1) * multiplier)
        kernel[:, channel, block] = depthwise[:, channel]
    middle = convolution(row, kernel, np.zeros(channels * multiplier), stride, dilation, rule)
    return middle @ pointwise[0] + bias


def pooling(row: Array, size: int, stride: int, rule: str, kind: str) -> Array:
    _, count = windows(len(row), size, stride, rule)
    reduce = np.max if kind == "max" else np.mean
    parts = [reduce(row[j * stride : j * stride + size], axis=0) for j in range(count)]
    return np.array(parts).reshape(count, row.shape[1])


def global_pooling(row: Array, kind: str) -> Array:
    if not len(row):
        return np.zeros(row.shape[1])
    return {"max": row.max(axis=0), "mean": row.mean(axis=0), "last": row[-1]}[kind]


def series_summary(row: Array) -> Array:
    if not len(row):
        return np.zeros(4 * row.shape[1])
    return np.arcsinh(np.concatenate([row.mean(axis=0), row.min(axis=0), row.max(axis=0), row[-1]]))


def lstm(row: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
    """Hochreiter and Schmidhuber 1997, gates in Keras's order: input, forget, candidate, output."""
    state = carry = np.zeros(recurrent.shape[0])
    outputs = []
    for step in row:
        i, f, c, o = np.split(step @ kernel + state @ recurrent + bias, 4)
        carry = sigmoid(f) * carry + sigmoid(i) * np.tanh(c)
        state = sigmoid(o) * np.tanh(carry)
        outputs.append(state)
    return np.array(outputs).reshape(len(row), -1 if outputs else recurrent.shape[0])


def gru(row: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
    """Cho et al. 2014 with the reset gate after the product, as fused kernels have it: update, reset, candidate."""
    state = np.zeros(recurrent.shape[0])
    outputs = []
    for step in row:
        xz, xr, xh = np.split(step @ kernel + bias[0], 3)
        hz, hr, hh = np.split(state @ recurrent + bias[1], 3)
        update = sigmoid(xz + hz)
        state = update * state + (1 - update) * np.tanh(xh + sigmoid(xr + hr) * hh)
        outputs.append(state)
    return np.array(outputs).reshape(len(row), -1 if outputs else recurrent.shape[0])


def recurrent(row: Array, weights: list[Array], cell: str, direction: str, sequences: bool) -> Array:
    run = {"lstm": lstm, "gru": gru}[cell]
    halves = []
    if direction in ("forward", "both"):
        halves.append(run(row, *weights[:3]))
    if direction in ("backward", "both"):
        halves.append(run(row[::-1], *weights[-3:])[::-1])
    if sequences:
        return np.concatenate(halves, axis=1)
    ends = [
        half[-1 if index == 0 and direction != "backward" else 0] if len(row) else np.zeros(half.shape[1])
        for index, half in enumerate(halves)
    ]
    return np.concatenate(ends)


def softmax(scores: Array) -> Array:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def attention(row: Array, other: Array, weights: list[Array], causal: bool = False) -> Array:
    """weights: query, key, value [channels, heads, size] with biases [heads, size], output [heads, size, channels]."""
    wq, bq, wk, bk, wv, bv, wo, bo = weights
    query, key, value = (
        np.einsum("tc,chd->thd", x, w) + b for x, w, b in ((row, wq, bq), (other, wk, bk), (other, wv, bv))
    )
    output = np.tile(bo, (len(row), 1)).astype(float)
    for step in range(len(row)):
        seen = min(step + 1, len(other)) if causal else len(other)
        for head in range(wq.shape[1] if seen else 0):
            scores = key[:seen, head] @ query[step, head] / np.sqrt(wq.shape[2])
            output[step] += softmax(scores) @ value[:seen, head] @ wo[head]
    return output


def attention_pooling(row: Array, kernel: Array, bias: Array, score: Array) -> Array:
    if not len(row):
        return np.zeros(row.shape[1])
    return softmax((np.tanh(row @ kernel + bias) @ score)[:, 0]) @ row


def layer_norm(row: Array, gamma: Array, beta: Array, epsilon: float = 1e-5) -> Array:
    centred = row - row.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon) * gamma + beta


def group_norm(row: Array, gamma: Array, beta: Array, groups: int, epsilon: float = 1e-3) -> Array:
    parts = []
    for part in np.split(row, groups, axis=1):
        centred = part - part.mean() if len(part) else part
        parts.append(centred / np.sqrt((centred**2).mean() + epsilon) if len(part) else part)
    return np.concatenate(parts, axis=1) * gamma + beta


def sinusoids(row: Array) -> Array:
    half = row.shape[1] // 2
    encoding = np.zeros_like(row)
    for position in range(len(row)):
        for index in range(half):
            angle = position / 10000 ** (index / max(half - 1, 1))
            encoding[position, index], encoding[position, half + index] = np.sin(angle), np.cos(angle)
    return row + encoding


def transformer(row: Array, w: dict[str, Array], attention_weights: list[Array]) -> Array:
    normed = layer_norm(row, w["attention_norm/gamma"], w["attention_norm/beta"])
    row = row + attention(normed, normed, attention_weights)
    normed = layer_norm(row, w["hidden_norm/gamma"], w["hidden_norm/beta"])
    hidden = np.maximum(normed @ w["hidden/dense/kernel"] + w["hidden/dense/bias"], 0)
    return row + hidden @ w["projection/dense/kernel"] + w["projection/dense/bias"]
