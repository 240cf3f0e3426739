"""N-Caltech101 (Orchard et al. 2015): the pictures of Caltech101 seen by an ATIS that makes three saccades.

    ROOT/<class>/image_NNNN.bin    8,709 recordings; ROOT is the folder Caltech101

Pictures were scaled to fit 240x180 pixels, which is the sensor's size here, so that all recordings give tensors of one
shape. `Faces` was left out for being nearly `Faces_easy`. There is no official split; 90 to 10 within each class is
customary.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below
from neuroact.errors import DatasetError

SENSOR_SIZE = (240, 180)
_NAMES = """
BACKGROUND_Google Faces_easy Leopards Motorbikes accordion airplanes anchor ant barrel bass beaver binocular bonsai
brain brontosaurus buddha butterfly camera cannon car_side ceiling_fan cellphone chair chandelier cougar_body
cougar_face crab crayfish crocodile crocodile_head cup dalmatian dollar_bill dolphin dragonfly electric_guitar
elephant emu euphonium ewer ferry flamingo flamingo_head garfield gerenuk gramophone grand_piano hawksbill
headphone hedgehog helicopter ibis inline_skate joshua_tree kangaroo ketch lamp laptop llama lobster lotus mandolin
mayfly menorah metronome minaret nautilus octopus okapi pagoda panda pigeon pizza platypus pyramid revolver rhino
rooster saxophone schooner scissors scorpion sea_horse snoopy soccer_ball stapler starfish stegosaurus stop_sign
strawberry sunflower tick trilobite umbrella watch water_lilly wheelchair wild_cat windsor_chair wrench yin_yang
"""
CLASSES = tuple(_NAMES.split())
"""By label: sorted, capitals first, as readers of the folders have them."""
RECORDING = re.compile(r"image_\d{4}\.bin")


def listing(root: Path, scheme: str = "none") -> Listing:
    """Every recording with the class of its picture. Raises `DatasetError` if there are none."""
    listing = Listing([], root, classes=CLASSES)
    known = frozenset(CLASSES)
    for path in files_below(root):
        folder = path.parent.name
        if not RECORDING.fullmatch(path.name):
            listing.ignored.append((path, "not image_NNNN.bin"))
        elif folder not in known or path.parent.parent != root:
            listing.ignored.append((path, "not in the folder of a class of N-Caltech101"))
        else:
            listing.sources.append(
                Source(path, path.stat().st_size, class_name=folder, sensor_size=SENSOR_SIZE, format="nmnist")
            )
    if not listing.sources:
        raise DatasetError(
            f"{root}: no <class>/image_NNNN.bin in it, as N-Caltech101 has (accordion/image_0001.bin, ...); "
            "give the folder Caltech101 itself"
        )
    found = {source.class_name for source in listing.sources}
    listing.missing += [root / name for name in CLASSES if name not in found]
    listing.notes.append("N-Caltech101 has no official split, so no recording has one")
    return listing


NCALTECH101 = Dataset(
    name="ncaltech101",
    title="N-Caltech101",
    classes=len(CLASSES),
    recordings=8_709,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://data.mendeley.com/datasets/cy6cvx3ryv (Caltech101.zip)",
    files="<class>/image_NNNN.bin    in one folder for each of the 101 classes",
    schemes=("none",),
    listing=listing,
)
