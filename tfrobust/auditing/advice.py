"""The flags of the diagnosis in words for people: what was seen, and what to do next."""

# name -> (what was seen, what to do next)
ADVICE = {
    "already_wrong": (
        "more than half of the images are predicted wrongly without any attack",
        "look at labels and range of pixels; maps of wrong predictions say little",
    ),
    "no_gradient": (
        "the attack had no direction to follow",
        "a map that scores as stable here was not attacked: do not count it as robust",
    ),
    "never_moved": (
        "the attack never changed the image, which counts as perfectly stable",
        "take a larger eps, or leave these images out of the mean",
    ),
    "label_never_kept": (
        "every attacked image was predicted otherwise, so none counts",
        "take a smaller eps, or train the network against attacks on its predictions first",
    ),
    "goal_did_not_rise": (
        "the attack got nowhere",
        "give more minutes for more steps; until then these images prove nothing",
    ),
    "k_above_nonzero": (
        "the map has fewer pixels that matter than are compared",
        "trust Kendall's tau rather than the top pixels, or look at another map",
    ),
    "ties": (
        "many pixels of the map are equally important, so their ranks are arbitrary",
        "trust the share of top pixels rather than Kendall's and Spearman's",
    ),
    "random_beats_attack": (
        "random noise moved the map further than the attack",
        "give more minutes: a longer attack finds more; the true stability is lower than measured",
    ),
    "surrogate_differs": (
        "the smooth network that the attack follows explains these images otherwise",
        "the attack was led astray: the true stability may be lower",
    ),
    "no_relu_exchanged": (
        "the network has kinks that the attack cannot smooth",
        "do not take the result as robustness; build the network with layers of ReLU, or attack another map",
    ),
    "not_converged": (
        "an attack of twice the steps found less stable maps",
        "give more minutes: the true stability is lower than measured",
    ),
}


def in_words(name: str, text: str) -> str:
    """What the flag says and what to do next; text: of the diagnosis, for a flag that has no words here."""
    seen, todo = ADVICE.get(name, (text, "look at the records of the images"))
    return f"{seen[0].upper()}{seen[1:]}. What to do: {todo}."
