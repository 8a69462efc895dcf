from training.fit.input_pipeline import derive_seed, make_generator


def test_a_seed_is_derived_from_its_numbers_and_differs_for_others():
    assert derive_seed(1, 2, 3) == derive_seed(1, 2, 3)
    assert len({derive_seed(0, epoch, step) for epoch in range(10) for step in range(10)}) == 100


def test_a_generator_depends_only_on_its_numbers():
    assert make_generator(0, 1).random() == make_generator(0, 1).random() != make_generator(1, 0).random()
