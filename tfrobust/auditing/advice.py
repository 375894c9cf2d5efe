"""The flags of the diagnosis in words for people: what was seen, and what to do next."""

MORE_MINUTES, NOTHING_TO_DO = "repeat the audit with more minutes", "nothing"
# name -> (what was seen, what to do next)
ADVICE = {
    "already_wrong": (
        "more than half of the images are predicted wrongly without any attack",
        "look at labels and range of pixels; maps of wrong predictions say little",
    ),
    "no_gradient": (
        "the attack had no direction to follow",
        "do not count a map that scores as stable here as robust: it was not attacked",
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
        "the attack got nowhere, so these images prove nothing",
        MORE_MINUTES,
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
        "random noise moved the map further than the attack, so the true stability is lower than measured",
        MORE_MINUTES,
    ),
    "surrogate_differs": (
        "the smooth network that the attack follows explains these images otherwise: the true stability may be lower",
        "attack the maps without gradients as well (the audit of two Python functions does)",
    ),
    "no_relu_exchanged": (
        "the network has kinks that the attack cannot smooth",
        "do not take the result as robustness; build the network with layers of ReLU, or attack another map",
    ),
    "not_converged": (
        "an attack of twice the steps found less stable maps, so the true stability is lower than measured",
        MORE_MINUTES,
    ),
    "nearly_empty_map": (
        "less than a tenth of the map is not zero",
        "look at another map or baseline: a map with so little in it can hardly move",
    ),
    "constant_map": (
        "the map is the same everywhere or for every image",
        "do not count it as robust: such a map says nothing of the image; look at another map",
    ),
    "deletes_no_better": (
        "deleting the pixels that the map ranks highest changes the prediction no faster than a random order does",
        "look at another map: this one does not show what the network uses",
    ),
    "ignores_weights": (
        "a network with shuffled weights has nearly the same map",
        "look at another map: this one shows the image, not what was learned",
    ),
    "random_map": (
        "the same image has another map when it is asked for again",
        "switch off what draws at prediction time, or average many maps",
    ),
    "masked_gradient": (
        "a search without gradients found less stable maps than the attacks that follow them: the gradient is masked",
        "do not count the result as robustness",
    ),
    "more_budget_lowers": (
        "twice the budget of one attack found less stable maps",
        "take the next level of budget: the true stability is lower than measured",
    ),
    "certificate_beaten": (
        "an attack went below the certified bound of a smoothed map",
        "report it as a fault of this library, with the network and the images",
    ),
    "other_beta_lowers": (
        "the attack goes further along another smooth network than the chosen one",
        "take the next level of budget: the true stability is lower than measured",
    ),
    "random_network": (
        "the network answers differently each time it is asked",
        "switch off what is random in it, or attack it by AutoAttack's version rand",
    ),
    "zero_gradient": (
        "the network is so sure that attacks have no gradient to follow",
        "trust the attacks that use other losses or no gradient; divide the logits if they are huge",
    ),
    "few_classes": (
        "the network has too few classes for one of the attacks' losses, whose place a simpler one takes",
        NOTHING_TO_DO,
    ),
    "square_beats_gradients": (
        "an attack without gradients fooled images that gradients did not: the gradients are masked",
        "do not count on the accuracy under attacks that follow gradients: it is too high",
    ),
}


def advice_on(name: str, text: str) -> tuple[str, str]:
    """What a flag of the diagnosis saw, and what to do next, for people.

    Args:
        name: of the flag.
        text: of the diagnosis, for a flag that has no words here.
    """
    return ADVICE.get(name, (text, "look at the records of the images"))
