"""Why no information here is estimated by nearest neighbours: of data with ties they tell the noise against ties."""

import numpy as np


def test_an_estimate_by_nearest_neighbours_depends_on_the_noise_against_ties():
    """Kozachenko and Leonenko, by dit; eight shares of the first of two symbols, refitted 31 times to 100 samples."""
    from dit.inference import differential_entropy_knn

    rng = np.random.default_rng(0)
    z = np.repeat(np.linspace(0.1, 0.9, 8), 125)
    for _ in range(31):
        z = rng.binomial(100, z) / 100

    def estimate(noise):
        tables = (z + noise * rng.standard_normal(z.shape)).reshape(8, -1, 1)
        entropy = lambda table: differential_entropy_knn(table, noise=0) * np.log(2)  # noqa: E731
        return entropy(tables.reshape(-1, 1)) - np.mean([entropy(table) for table in tables])

    assert estimate(1e-10) < -5 < -1 < estimate(1e-3)
