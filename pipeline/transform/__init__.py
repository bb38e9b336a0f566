"""Analysis and transformation with tf.Transform: one graph, used here and again at serving."""
