"""What a colour means in every picture and on every page: attacked, noise, natural."""

MEANINGS = {"attacked": "#b3261e", "noise": "#1f6fb2", "natural": "#3c7a3c"}


def colour_of(name: str, otherwise: str) -> str:
    """The colour of what stands last in a `name` (`IG, noise`); `otherwise` where it has no meaning of its own."""
    return MEANINGS.get(name.split(", ")[-1], otherwise)
