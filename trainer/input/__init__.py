"""From bucketed shards to batches of static shape, in an order that any step of any epoch can be found in again."""
