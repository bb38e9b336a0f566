"""Every option that cannot be used is refused with what was received, what was expected and the nearest name."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.models.config import CnnConfig, MultimodalConfig, RnnConfig, parse_architecture
from trainer.models.errors import ModelError
from trainer.models.inputs import FeatureInput, InputDescription

TEXT = FeatureInput("text", "ids", vocabulary_size=20)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("rn", {}, "received the model 'rn', expected one of rnn, .*did you mean 'rnn'"),
        ("rnn", {"unit": 3}, "unknown key 'unit'; did you mean 'units'"),
        ("rnn", {"units": 0}, "units: received 0"),
        ("rnn", {"cell": "lsm"}, "cell: received 'lsm', expected one of lstm, gru; did you mean 'lstm'"),
        ("rnn", {"dropout": 1.0}, "dropout: received 1.0"),
        ("cnn", {"kernel_size": [3, 0]}, "kernel_size"),
        ("cnn", {"normalization": "group"}, "expected one of none, layer, batch"),
        ("attention", {"positions": "sinusoid"}, "did you mean 'sinusoidal'"),
        ("multimodal", {"join": "concat"}, "did you mean 'concatenate'"),
        ("multimodal", {"encoders": {"text": {"kind": "cnn", "filtrs": 3}}}, "did you mean 'filters'"),
        ("multimodal", {"encoders": {"text": {"kind": "lstm"}}}, "encoders.text"),
    ],
)
def test_an_option_is_refused(model: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_architecture(model, options)


def test_the_fewer_channels_a_series_has_the_less_is_dropped() -> None:
    shares = [RnnConfig().input_dropout_of("series", channels) for channels in (1, 12, 60, 500)]
    assert shares == pytest.approx([0.005, 0.06, 0.3, 0.3])
    assert RnnConfig().input_dropout_of("ids", None) == 0.3
    assert RnnConfig(input_dropout=0.0).input_dropout_of("series", 500) == 0.0


def test_defaults_and_values_are_kept() -> None:
    assert parse_architecture("rnn", None) == RnnConfig()
    assert parse_architecture("cnn", {"kernel_size": [3, 7]}) == CnnConfig(kernel_size=[3, 7])
    config = parse_architecture("multimodal", {"encoders": {"text": {"kind": "rnn", "units": 5}}})
    assert isinstance(config, MultimodalConfig)
    assert config.encoder_of("text", "ids").units == 5
    assert config.encoder_of("prices", "series").kind == "rnn"
    assert config.encoder_of("title", "ids").kind == "cnn"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "text", "vocabulary_size": 5}, "received kind 'text', expected one of ids, series"),
        ({"kind": "ids"}, "received a vocabulary of 0 ids"),
        ({"kind": "series", "channels": 0}, "received 0 channels"),
        ({"kind": "series", "padding": "left"}, "received padding 'left', expected post or pre"),
    ],
)
def test_a_feature_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        FeatureInput("text", **arguments)


def test_a_description_without_a_sequence_is_refused() -> None:
    with pytest.raises(ModelError, match="received the features age, expected at least one sequence"):
        InputDescription((FeatureInput("age", "number"),), "binary")
    with pytest.raises(ModelError, match="received head 'softmax', expected one of binary"):
        InputDescription((TEXT,), "softmax")
