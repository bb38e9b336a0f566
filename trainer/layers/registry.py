"""Every layer class, imported so that Keras finds it by name when it loads a saved model."""

from trainer.layers.attention_pooling import AttentionPooling
from trainer.layers.average_pooling import MaskedAveragePooling1D
from trainer.layers.batch_normalization import MaskedBatchNormalization
from trainer.layers.compact import Compact
from trainer.layers.convolution import MaskedConv1D
from trainer.layers.cross_attention import MaskedCrossAttention
from trainer.layers.dense import MaskedDense
from trainer.layers.embedding import MaskedEmbedding
from trainer.layers.expand import Expand
from trainer.layers.gated_join import GatedJoin
from trainer.layers.global_max import GlobalMaxPooling
from trainer.layers.global_mean import GlobalMeanPooling
from trainer.layers.group_normalization import MaskedGroupNormalization
from trainer.layers.last_step import LastStep
from trainer.layers.layer_normalization import MaskedLayerNormalization
from trainer.layers.max_pooling import MaskedMaxPooling1D
from trainer.layers.positions import PositionEncoding
from trainer.layers.recurrent import MaskedRecurrent
from trainer.layers.recurrent_stack import MaskedRecurrentStack
from trainer.layers.residual import MaskedResidual
from trainer.layers.self_attention import MaskedSelfAttention
from trainer.layers.separable_convolution import MaskedSeparableConv1D
from trainer.layers.series_summary import SeriesSummary
from trainer.layers.step_join import StepJoin
from trainer.layers.time_join import TimeJoin
from trainer.layers.time_shared_dropout import TimeSharedDropout
from trainer.layers.transformer_block import TransformerBlock

LAYERS = (
    AttentionPooling,
    Compact,
    Expand,
    GatedJoin,
    GlobalMaxPooling,
    GlobalMeanPooling,
    LastStep,
    MaskedAveragePooling1D,
    MaskedBatchNormalization,
    MaskedConv1D,
    MaskedCrossAttention,
    MaskedDense,
    MaskedEmbedding,
    MaskedGroupNormalization,
    MaskedLayerNormalization,
    MaskedMaxPooling1D,
    MaskedRecurrent,
    MaskedRecurrentStack,
    MaskedResidual,
    MaskedSelfAttention,
    MaskedSeparableConv1D,
    PositionEncoding,
    SeriesSummary,
    StepJoin,
    TimeJoin,
    TimeSharedDropout,
    TransformerBlock,
)
