"""A model that runs on other machines: a Ray cluster in place of this process.

A *seat* is an actor that holds one model, opened there by a function that can be sent; it takes a
GPU where the cluster has any, else one CPU with one thread. A *crew* is the seats of one model,
and stands behind it (`LoadedModel.crew`): the parts that the cache lacks are asked of the seats
by the same plain functions that run here without a cluster, and what they find comes back
through Ray's object store into the cache of this process. Which seat does what, and what happens
to one that dies, is Ray's affair: no scheduler, queue or retry of our own.

`joining` begins or finds the cluster, `seat` is what runs on its machines, `crew` asks, `far`
opens a model whose weights are there and not here. Nothing here knows suites or series, and Ray
is imported only where a cluster was asked for.
"""
