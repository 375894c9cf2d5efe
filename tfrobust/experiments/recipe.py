"""A recipe: everything that makes the weights of one network, as one value."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tfrobust.checks import check_choice, check_fields, check_positive, check_whole
from tfrobust.errors import InputError
from tfrobust.names import ANNOTATIONS, EVALUATE_ON, NORMALIZATIONS, OBJECTIVES, SAT_MAPS
from tfrobust.training_spec import TrainingSpec

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData

AUTO: Final = "auto"  # An objective's `chunk`: as many path points at once as fit into the memory.
# Settings of a training run that its weights do not depend on.
_OF_THE_MACHINE = ("checkpoint_every",)


@dataclass(frozen=True)
class DataSpec:
    """Which images, and what is done to them before training.

    Attributes:
        name: a known data set, a TFDS name, an .npz file, or a folder of images per class (see `data.load`).
        data_dir: where named data sets are looked for.
        download: whether TFDS may fetch what is not there.
        image_size: side of the square that images are resized to; None leaves them.
        hold_out: so many of the first training images are not trained on.
        evaluate_on: "test", or "held_out", what was held out.
        augmentation: random change of the training images, one of AUGMENTATIONS, or None.
        per_class: classes are filled up to so many images with augmented copies (0: every image is augmented anew).
        equalize: whether the histograms of training and test images are equalized (RAR).
        exif: whether images of a folder are turned upright as their EXIF says, and what is transparent put on white.
    """

    name: str
    data_dir: str | None = None
    download: bool = False
    image_size: int | None = None
    hold_out: int = 0
    evaluate_on: str = "test"
    augmentation: str | None = None
    per_class: int = 0
    equalize: bool = False
    exif: bool = False

    def __post_init__(self):
        check_choice("evaluate_on", self.evaluate_on, EVALUATE_ON)
        check_fields(check_whole, self, "hold_out", "per_class")
        if self.image_size is not None:
            check_whole("image_size", self.image_size, 1)

    def load(self) -> ImageData:
        """The images as they are on disk.

        Raises:
            InputError: see `data.load`.
        """
        from tfrobust import data

        return data.load(self.name, self.data_dir, self.download, self.image_size, self.exif)

    def prepare(self, loaded: ImageData, evaluate_on: str | None = None) -> ImageData:
        """The images that were loaded, with some held out, and augmented.

        Args:
            loaded: what `load` returned.
            evaluate_on: takes the place of the spec's own; None: that.
        """
        return self.augment(loaded.holding_out(self.hold_out, evaluate_on or self.evaluate_on))

    def augment(self, held: ImageData) -> ImageData:
        """The images `held`, of which some are held out already, augmented."""
        from tfrobust import data

        return data.augmented(held, self.augmentation, self.per_class, self.equalize)

    def read(self) -> ImageData:
        """The images as they are trained and evaluated on."""
        return self.prepare(self.load())


@dataclass(frozen=True)
class NetworkOrigin:
    """Where a network comes from that a recipe needs before it can be trained.

    Attributes:
        file: a saved network (.keras); or, beside a recipe, the flagfile it was read from.
        recipe: is trained first, unless it has been.
    """

    file: str | None = None
    recipe: Recipe | None = None

    def __post_init__(self):
        if self.file is None and self.recipe is None:
            raise InputError("a network comes from a file or a recipe: give one")

    def __str__(self):
        return self.file or self.recipe.name


@dataclass(frozen=True)
class ModelSpec:
    """Which network is built.

    Attributes:
        name: one of MODELS.
        width: scales the number of units of each layer.
        initialization: FAR's, one of INITIALIZATIONS; None is the network's own.
        initial: the network whose weights it starts from; None draws them.
        normalization: "data", the mean and deviation of the training images, as they are before augmentation, in the
          place of those that the network takes out of the pixels; None: its own (CIFAR-10's).
        bias: whether its layers have biases; without them digits_cnn and mnist_cnn are nonnegatively homogeneous.
        feature_smoothing: deviation of a Gaussian filter behind its first activation, in pixels of the feature map;
          None: no filter.
    """

    name: str
    width: float = 1.0
    initialization: str | None = None
    initial: NetworkOrigin | None = None
    normalization: str | None = None
    bias: bool = True
    feature_smoothing: float | None = None

    def __post_init__(self):
        if self.feature_smoothing is not None:
            check_positive("feature_smoothing", self.feature_smoothing)
        if self.normalization is not None:
            check_choice("normalization", self.normalization, NORMALIZATIONS)

    def make(self, data: ImageData, seed: int) -> keras.Model:
        """A new network for the images and classes of `data`.

        Its weights come from the global seed, those of an `initialization` from `seed`.
        """
        from tfrobust import models
        from tfrobust.data import pixel_statistics

        network = models.make_model(
            self.name,
            data.shape,
            data.classes,
            self.width,
            bias=self.bias,
            feature_smoothing=self.feature_smoothing,
        )
        if self.normalization:
            network = models.standardized_by(network, *pixel_statistics(data.x_train))
        if self.initialization:
            models.initialize(network, self.initialization, seed)
        return network


@dataclass(frozen=True)
class SaliencySource:
    """Maps beside the training images.

    Attributes:
        kind: an annotation of the data, one of ANNOTATIONS, or a method of SAT_MAPS with which a teacher makes them.
        teacher: of such a method; None for an annotation.
    """

    kind: str
    teacher: NetworkOrigin | None = None

    def __post_init__(self):
        check_choice("source of maps", self.kind, tuple(ANNOTATIONS if self.teacher is None else SAT_MAPS))

    def __str__(self):
        return f"{self.kind}:{self.teacher}" if self.teacher else self.kind


@dataclass(frozen=True)
class Recipe:
    """What makes the weights of one network: images, model, method and plan.

    Attributes:
        name: for people, and for folders.
        data, model: which images it is trained on, and which network is built.
        objective: a training method (see `objectives.make_objective`).
        training: how long, how fast, from which seed.
        saliency: sources of maps, of which training draws one per batch, for methods that want them.
        saliency_dir: where teachers and their maps are kept; beside the data unless given.
        memory_gb: what an objective's chunk of "auto" may take, in GiB (half of what is free unless given).
    """

    name: str
    data: DataSpec
    model: ModelSpec
    objective: Any
    training: TrainingSpec
    saliency: tuple[SaliencySource, ...] = field(default=())
    saliency_dir: str | None = None
    memory_gb: float | None = None

    @property
    def method(self) -> str:
        """The name of the objective among OBJECTIVES; of one that is not there, its class."""
        own = type(self.objective)
        return next((name for name in OBJECTIVES if OBJECTIVES[name] is own), own.__name__)

    def identity(self) -> dict[str, Any]:
        """The settings that the weights depend on, by the names that the flags have as well; plain values.

        What is None is left out, and so is what a method does by default.
        """
        training = {name: value for name, value in vars(self.training).items() if name not in _OF_THE_MACHINE}
        settings = {
            "dataset": self.data.name,
            "image_size": self.data.image_size,
            "hold_out": self.data.hold_out,
            "augmentation": self.data.augmentation,
            "per_class": self.data.per_class,
            "equalize": self.data.equalize,
            "exif": self.data.exif,
            "model": self.model.name,
            "width": self.model.width,
            "initialization": self.model.initialization,
            "normalization": self.model.normalization,
            "bias": None if self.model.bias else False,
            "feature_smoothing": self.model.feature_smoothing,
            "initial_network": self.model.initial and str(self.model.initial),
            "method": self.method,
            **_given(self.objective),
            "saliency": tuple(map(str, self.saliency)),
            **training,
        }
        return {name: value for name, value in settings.items() if value is not None}

    def defaults(self) -> dict[str, Any]:
        """What the settings of `identity` are where nobody gives them, by name; for the recipe's method and plan."""
        fields = [*dataclasses.fields(self.objective), *dataclasses.fields(self.training)]
        own = {each.name: each.default for each in fields if each.init and each.default is not dataclasses.MISSING}
        return {**own, "width": 1.0, "hold_out": 0, "per_class": 0, "equalize": False, "exif": False, "saliency": ()}

    def given(self) -> dict[str, Any]:
        """The settings of `identity` that are not what they are by default; lists as text."""
        usual = self.defaults()
        own = {name: value for name, value in self.identity().items() if name not in usual or usual[name] != value}
        return {name: ",".join(map(str, value)) if isinstance(value, tuple) else value for name, value in own.items()}

    def in_steps(self, images: int) -> Recipe:
        """The recipe with its plan in steps over `images` training images, where it is in epochs."""
        return replace(self, training=self.training.in_steps(images))

    def lasting(self, steps: int) -> Recipe:
        """The recipe with a plan of so many `steps`, its boundaries and its ramp in their places."""
        if self.training.epochs is not None:  # A plan in epochs is cut where it is turned into steps.
            return replace(self, training=replace(self.training, steps=steps))
        return replace(self, training=self.training.lasting(steps))

    def seeded(self, seed: int) -> Recipe:
        """The recipe with another `seed` of weights, data order and draws."""
        return replace(self, training=replace(self.training, seed=seed))

    def on_data_of(self, other: Recipe) -> Recipe:
        """The recipe on the images of the `other`, found where the other finds them; its augmentation stays its own."""
        source = {"data_dir": other.data.data_dir, "image_size": other.data.image_size}
        given: dict[str, Any] = {name: value for name, value in source.items() if value is not None}
        data = replace(
            self.data,
            name=other.data.name,
            hold_out=other.data.hold_out,
            evaluate_on=other.data.evaluate_on,
            download=other.data.download,
            **given,
        )
        return replace(self, data=data, saliency_dir=other.saliency_dir or self.saliency_dir)

    def saliency_folder(self) -> str:
        """The folder of teachers and maps: `saliency_dir`, or one beside the data."""
        data = self.data
        if self.saliency_dir:
            return self.saliency_dir
        if data.data_dir:
            return os.path.join(data.data_dir, "saliency")
        if data.name.endswith(".npz"):
            return os.path.join(os.path.dirname(data.name), "saliency")
        if os.path.isdir(data.name):
            return os.path.join(os.path.dirname(os.path.abspath(data.name)), "saliency")
        caches = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        return os.path.join(caches, "tfrobust")


def _given(objective) -> dict[str, Any]:
    """The hyper-parameters of an objective that are not its defaults."""
    fields = [each for each in dataclasses.fields(objective) if each.init]
    return {each.name: value for each in fields if (value := getattr(objective, each.name)) != each.default}
