import os
import re
import signal

import pytest

from training.dataset import Dataset
from training.prepare.settings import PrepareSettings
from training.prepare.stage import fingerprint, prepare

SMALL = PrepareSettings(size=16)


def test_the_stage_runs_again_only_when_data_or_settings_changed(write_listings, tmp_path, jpeg):
    data = write_listings([{"id": "a"}, {"id": "b"}], [("i", "a"), ("j", "b")])
    out = tmp_path / "out"

    def ran(settings=SMALL):
        before = (out / "summary.json").stat().st_ino if out.exists() else None
        prepare(data, out, settings)
        return (out / "summary.json").stat().st_ino != before

    assert ran()
    assert not ran()
    assert not ran(PrepareSettings(size=16, workers=1))
    assert ran(PrepareSettings(size=16, seed=1))
    assert ran()
    (data / "notes.txt").touch()
    assert not ran()
    (data / "photos" / "extra.jpg").write_bytes(jpeg(9))
    assert ran()
    os.utime(data / "Products.csv", ns=(1, 1))
    assert ran()
    (out / "photos.npy").write_bytes(b"spoilt")
    assert ran()


def test_the_fingerprint_depends_on_the_categories_file(write_listings, tmp_path):
    data = write_listings([{"id": "a"}], [("i", "a")])
    file = tmp_path / "categories.txt"
    settings = PrepareSettings(categories=file)
    file.write_text("Home\n")
    first = fingerprint(data, settings)
    assert fingerprint(data, settings) == first
    file.write_text("Home\nGames\n")
    assert fingerprint(data, settings) != first


def test_a_failed_run_keeps_the_older_dataset(write_listings, tmp_path):
    data = write_listings([{"id": "a"}], [("i", "a")])
    out = tmp_path / "out"
    digest = prepare(data, out, SMALL).digest

    def stop_at_photos(items, _total, desc, _unit):
        for item in items:
            if desc == "photos":
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        prepare(data, out, PrepareSettings(size=32), progress=stop_at_photos)
    assert Dataset.open(out).digest == digest
    assert sorted(child.name for child in tmp_path.iterdir()) == ["data", "out"]


@pytest.mark.parametrize(
    ("number", "status", "told"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
@pytest.mark.slow
def test_a_stopped_command_ends_with_one_line_and_a_rerun_resumes(
    write_listings, processes, tmp_path, number, status, told
):
    images = [(f"i{n}", "p") for n in range(400)]
    data = write_listings([{"id": "p"}], images)
    out = tmp_path / "out"
    arguments = [str(data), "--out", str(out), "--size", "512", "--workers", "1"]
    child = processes.start("training.prepare.stage", arguments)
    child.wait_for("Images.csv: 400 rows")
    child.signal(number)
    ended, output = child.wait()
    assert ended == status
    assert output.splitlines()[-1] == f"stopped by {told}; run again to go on"
    assert "Traceback" not in output
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir() if ".tmp-" in path.name] == []
    prepare(data, out, PrepareSettings(size=512))
    assert Dataset.open(out).photos.shape[0] == 400


@pytest.mark.slow
def test_a_full_disk_is_one_line_that_names_the_file_and_the_bytes(write_listings, processes, tmp_path):
    data = write_listings([{"id": "p"}], [(f"i{n}", "p") for n in range(30)])
    arguments = [str(data), "--out", str(tmp_path / "out"), "--size", "128"]
    status, output = processes.start("training.prepare.stage", arguments, disk=1_000_000).wait()
    assert status == 2
    assert re.search(
        r"^error: .*photos\.npy cannot grow beyond [0-9,]+ bytes: File too large; [0-9,]+ bytes", output, re.M
    )
    assert sum(line.startswith("error: ") for line in output.splitlines()) == 1
    assert "Traceback" not in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
