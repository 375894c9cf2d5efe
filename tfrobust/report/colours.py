"""What a colour means in every picture and on every page: attacked, noise, natural.

All of them are told apart by people with any kind of colour-blindness, and read as text on white
(tests/report/test_colours.py computes both).
"""

MEANINGS = {"attacked": "#b84300", "noise": "#0068a8", "natural": "#4d4d4d"}
# For what has no meaning of its own, in this order (after Okabe and Ito, 2008).
OTHERS = ("#0072b2", "#e69f00", "#000000", "#56b4e9", "#d55e00", "#009e73", "#cc79a7")


def colour_of(name: str, otherwise: str) -> str:
    """The colour of what stands last in a `name` (`IG, noise`); `otherwise` where it has no meaning of its own."""
    return MEANINGS.get(name.split(", ")[-1], otherwise)


def other_colour(place: int) -> str:
    """The colour of the line or box at that `place` in a picture."""
    return OTHERS[place % len(OTHERS)]
