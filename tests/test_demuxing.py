"""The file that streams are copied from, while it is held open."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from beats import write_beats
from vidcolor.errors import InputError
from vidcolor.film.containers.demuxing import OtherStreams


def test_a_container_is_given_again_as_long_as_nothing_of_it_is_read(tmp_path: Path) -> None:
    """A trial leaves it as it is; a film that has to be written once more gets all packets once more."""
    film = write_beats(tmp_path / "film.mkv", 1)
    with closing(OtherStreams(film)) as others:
        tried = others.open()
        assert others.open() is tried
        first = [(packet.pts, bytes(packet)) for packet in others.packets({1}, None)]
        assert others.open() is not tried
        assert [(packet.pts, bytes(packet)) for packet in others.packets({1}, None)] == first
        assert len(first) > 20


def test_another_file_of_the_name_is_opened_anew(tmp_path: Path) -> None:
    """What is held open is not copied for it: not the old packets, and not what was learned of them."""
    film, other = (
        write_beats(tmp_path / name, 1, sounds=(codec,)) for name, codec in (("a.mkv", "aac"), ("b.mkv", "flac"))
    )
    with closing(OtherStreams(film)) as others:
        assert others.open().streams.audio[0].codec_context.name == "aac"
        before = bytes(others.early[1][0])
        os.replace(other, film)
        assert others.open().streams.audio[0].codec_context.name == "flac"
        assert bytes(others.early[1][0]) != before
        film.unlink()
        with pytest.raises(InputError, match="no such file"):
            others.open()
