import pytest

from client.errors import ClientError
from client.photos import read_photos, several


@pytest.mark.parametrize("given", ["sofa.jpg", ["sofa.jpg"]])
def test_the_name_of_a_file_is_no_photo(given):
    with pytest.raises(TypeError, match="a photo is a Path, bytes or Uploaded; this one is a str"):
        read_photos(several(given))


def test_no_photo_is_an_error_before_anything_is_sent():
    with pytest.raises(ClientError, match="there is no photo to send"):
        read_photos(several([]))
