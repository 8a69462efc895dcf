import pytest

from training.prepare.intake.wrapper import wrapper


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["my-dataset/cats/1.jpg", "my-dataset/dogs/1.jpg"], "my-dataset"),
        (["a/b/cats/1.jpg", "a/b/dogs/1.jpg"], "a/b"),
        (["my-dataset/cats/1.jpg", "my-dataset/dogs/1.jpg", "__MACOSX/x/1.jpg", "README.md"], "my-dataset"),
        (["export/Products.csv", "export/photos/1.jpg"], "export"),
        (["my-dataset/train/cats/1.jpg"], "my-dataset"),
        (["train/cats/1.jpg", "train/dogs/1.jpg"], "."),
        (["cats/1.jpg"], "."),
        (["cats/1.jpg", "dogs/1.jpg"], "."),
        (["photos/1.jpg", "products.CSV"], "."),
        (["my-dataset/cats/1.jpg", "beside.jpg"], "."),
        (["my-dataset/cats/1.jpg", "my-dataset/loose.jpg"], "."),
    ],
)
def test_a_lone_folder_of_folders_or_tables_is_entered(write_folders, files, expected):
    assert str(wrapper(write_folders(files))) == expected
