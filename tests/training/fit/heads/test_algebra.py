import numpy as np
import pytest
import torch

from training.fit.heads.algebra import components, inverse_root, one_thread

VECTORS = np.random.default_rng(3).normal(size=(50, 9)) * np.arange(1, 10)
MOMENTS = VECTORS.T @ VECTORS / len(VECTORS)


@pytest.mark.parametrize("dim", [1, 4, 9, 20])
def test_components_are_the_first_eigenvectors_largest_first(dim):
    found = components(MOMENTS, dim)
    count = min(dim, 9)
    np.testing.assert_allclose(found @ found.T, np.eye(count), atol=1e-12)
    expected = np.sort(np.linalg.eigvalsh(MOMENTS))[::-1][:count]
    np.testing.assert_allclose(np.diag(found @ MOMENTS @ found.T), expected, rtol=1e-10)


def test_the_inverse_root_makes_the_covariance_the_identity():
    root = inverse_root(MOMENTS)
    np.testing.assert_allclose(root @ MOMENTS @ root.T, np.eye(9), atol=1e-10)


def test_the_number_of_threads_is_restored_after_an_error():
    def fails():
        with one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(KeyError):
            fails()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
