"""A list of shots as a timeline of OpenTimelineIO, the format of an Academy Software Foundation project for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidcolor.errors import InputError, OutputError, reason
from vidcolor.film.timecode import TimecodeClock
from vidcolor.pipeline.shotlist.edl import origin_of
from vidcolor.pipeline.shotlist.shot import CUT, KINDS, Shot, ShotList, Transition

KEY = "vidcolor"  # of what only vidcolor reads
_SPEED = 0.01  # frames a second, by which the rate of a list may differ from the film's


def load_library(what: str) -> Any:
    """Import OpenTimelineIO.

    Args:
        what: What cannot be done without it.

    Raises:
        OutputError: it is not installed.
    """
    try:
        import opentimelineio
    except ImportError as error:
        why = "OpenTimelineIO is not installed"
        raise OutputError(what, why, "Install it with pip install 'vidcolor[otio]'") from error
    return opentimelineio


def write_otio(shots: ShotList, film: Path, frames: int) -> str:
    """Return a list of shots as a timeline: a clip for each, and gaps for what is in none.

    Args:
        film: Whose shots they are; frames: how many it has.

    Raises:
        OutputError: OpenTimelineIO is not installed.
    """
    otio = load_library(f"cannot write a timeline of {film}")
    rate = float(shots.clock.rate)

    def stretch(start: int, end: int) -> Any:
        time = otio.opentime.RationalTime
        return otio.opentime.TimeRange(time(start + shots.clock.start, rate), time(end - start, rate))

    timeline = otio.schema.Timeline(film.stem, global_start_time=stretch(0, 0).start_time)
    track = otio.schema.Track("shots", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    done = 0
    for shot in shots.shots:
        if shot.start > done:
            track.append(otio.schema.Gap(source_range=stretch(done, shot.start)))
        media = otio.schema.ExternalReference(film.resolve().as_uri(), available_range=stretch(0, frames))
        asked = {"shot": shot.number, "transition": str(shot.transition)}
        clip = otio.schema.Clip(f"shot {shot.number}", media, stretch(shot.start, shot.end), metadata={KEY: asked})
        track.append(clip)
        done = shot.end
    text: str = timeline.to_json_string()
    return text + "\n"


def read_otio(path: Path, clock: TimecodeClock, most: int) -> list[Shot]:
    """Read the shots that an editor has cut a film into: the clips of the only track with pictures.

    Args:
        clock: That of the film.
        most: Frames that the film has at most.

    Raises:
        InputError: it cannot be read, or is not a list of this film; OutputError: OpenTimelineIO is not installed.
    """
    what = f"cannot read {path}"
    otio = load_library(what)
    try:
        timeline = otio.adapters.read_from_string(path.read_text(encoding="utf-8-sig"), "otio_json")
    except OSError as error:
        raise InputError(what, reason(error), "Name a timeline of OpenTimelineIO") from error
    except (ValueError, otio.exceptions.OTIOError) as error:
        why = f"it is no timeline of OpenTimelineIO ({reason(error).splitlines()[0]})"
        raise InputError(what, why, "Export it anew") from error
    if not isinstance(timeline, otio.schema.Timeline):
        raise InputError(what, f"it is no timeline, but a {type(timeline).__name__}", "Export the timeline")
    tracks = [track for track in timeline.video_tracks() if any(track.find_clips())]
    if len(tracks) != 1:
        why = f"{len(tracks)} of its tracks hold pictures"
        raise InputError(what, why, "Leave one track with the clips of the film")
    found: list[tuple[int, int, Transition]] = []
    for clip in tracks[0].find_clips():
        try:
            stretch = clip.trimmed_range()
        except otio.exceptions.OTIOError as error:
            raise InputError(what, f"clip {clip.name!r} does not tell its frames", "Export it anew") from error
        if abs(stretch.start_time.rate - float(clock.rate)) > _SPEED:
            why = f"clip {clip.name!r} has {stretch.start_time.rate:.5g} frames a second, the film has {clock}"
            raise InputError(what, why, "It is a list of another film")
        if any(isinstance(effect, otio.schema.TimeEffect) for effect in clip.effects):
            raise InputError(what, f"clip {clip.name!r} plays at another speed", "Take its effect away")
        begin = round(stretch.start_time.value)
        found.append((begin, begin + round(stretch.duration.value), _transition(otio, clip)))
    found.sort(key=lambda each: each[:2])
    origin = origin_of(path, found[0][0], max(end for _, end, _ in found), clock, most)
    return [Shot(number, start - origin, end - origin, how) for number, (start, end, how) in enumerate(found, 1)]


def _transition(otio: Any, clip: Any) -> Transition:
    """Return how a clip comes about: by the transition before it, or by what vidcolor wrote."""
    before, _ = clip.parent().neighbors_of(clip)
    if isinstance(before, otio.schema.Transition):
        return Transition("dissolve", round((before.in_offset + before.out_offset).value))
    kind, _, frames = str(clip.metadata.get(KEY, {}).get("transition", "")).partition(" ")
    return Transition(kind, int(frames or 0)) if kind in KINDS and (not frames or frames.isdecimal()) else CUT
