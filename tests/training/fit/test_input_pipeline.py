from training.fit.input_pipeline import generator_of, seed_of


def test_the_same_numbers_give_the_same_seed_and_neighbours_another():
    assert seed_of(1, 2, 3) == seed_of(1, 2, 3)
    assert len({seed_of(0, epoch, step) for epoch in range(10) for step in range(10)}) == 100


def test_a_generator_is_that_of_its_numbers():
    assert generator_of(0, 1).random() == generator_of(0, 1).random() != generator_of(1, 0).random()
