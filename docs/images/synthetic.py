"""Draws docs/images/synthetic.png (twelve actions): python docs/images/synthetic.py (from the checkout)."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from neuroact.datasets.simulation.actions import ACTIONS
from neuroact.datasets.simulation.casting import shot
from neuroact.datasets.simulation.simulated import record

SIZE = (160, 120)
MOMENTS = (0.5, 1.1, 1.5, 1.9, 2.5)
SHOWN = 0.06
COLOURS = np.array([[74, 144, 255], [255, 170, 60]], np.uint8)
"""OFF, ON."""

figure = plt.figure(figsize=(13.2, 6.9), facecolor="#101418")
for number, action in enumerate(ACTIONS):
    plan = shot(0, number)
    events = record(plan.stage, 3_000_000, sensor_size=SIZE, seed=plan.seed, frame_us=5_000)
    row, column = divmod(number, 2)
    for k, moment in enumerate(MOMENTS):
        window = events[(events.t >= 1e6 * moment) & (events.t < 1e6 * (moment + SHOWN))]
        picture = np.full((SIZE[1], SIZE[0], 3), 24, np.uint8)
        picture[window.y, window.x] = COLOURS[window.p]
        axes = figure.add_axes((0.002 + 0.502 * column + 0.0988 * k, 0.005 + 0.166 * (5 - row), 0.097, 0.139))
        axes.imshow(picture, interpolation="nearest")
        axes.axis("off")
        if k == 0:
            what = f"{action.name}   (subject {plan.subject}, place {plan.place}{', moving camera' * plan.moving})"
            axes.set_title(what, color="white", fontsize=9, loc="left", pad=3)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=80, facecolor=figure.get_facecolor())
