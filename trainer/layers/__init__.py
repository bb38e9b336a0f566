"""Masked layers: what padding holds, and how much of it there is, changes nothing.

Every layer takes `(sequence, lengths)`: a sequence padded after its last real step, and its real steps. A layer from
sequence to sequence returns both, one from sequence to vector returns the vector. For each of them, outputs at real
steps, vectors, gradients and moving statistics are the same alone and in a batch, for any padded length, and for any
padding content, NaN included; padded output steps are 0; a row of length 0 is legal and gives finite values.

    mask                     the operations that layers are made of
    base                     what all layers share
    time_grid                which outputs of a sliding window are real
    compact, expand          from padding before the steps, or holes, to this form and back
    embedding, dense         step by step
    convolution, separable_convolution, max_pooling, average_pooling           windows
    recurrent, recurrent_stack                                                 LSTM and GRU
    global_max, global_mean, attention_pooling, last_step, series_summary      sequence to vector
    batch_normalization, layer_normalization, group_normalization              statistics of real steps
    attention_weights, self_attention, cross_attention, transformer_block, positions
    residual, time_shared_dropout                                              a sum; noise that padding cannot shift
    step_join, time_join, gated_join                                           modalities

No layer imports a backend: `keras.ops` only.
"""
