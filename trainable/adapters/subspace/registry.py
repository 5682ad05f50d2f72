"""Every projector by name; importable without torch."""

from trainable.adapters.subspace.dense import DENSE
from trainable.adapters.subspace.fastfood import FASTFOOD
from trainable.adapters.subspace.kronecker import RDKRON, RDKRONQR, RKRON
from trainable.adapters.subspace.projector import Projector
from trainable.adapters.subspace.sparse import SPARSE

PROJECTORS: dict[str, Projector] = {
    "dense": DENSE,
    "sparse": SPARSE,
    "fastfood": FASTFOOD,
    "rkron": RKRON,
    "rdkron": RDKRON,
    "rdkronqr": RDKRONQR,
}
