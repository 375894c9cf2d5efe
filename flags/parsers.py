"""Flag types that absl lacks."""

from fractions import Fraction

from absl import flags


def _exactly(text: str) -> Fraction:
    """The number in the text; ValueError for one that a float cannot hold, whose digits would fill the memory."""
    size = abs(float(text))
    if size and not 1e-300 < size < 1e300:
        raise ValueError(text)
    return Fraction(text) if size else Fraction(0)


class _FractionParser(flags.ArgumentParser):
    """A number, also written as a fraction: 0.03, 8/255, 1.5/255."""

    syntactic_help = "a number or a fraction"

    def parse(self, argument):
        try:
            if not isinstance(argument, str):
                return float(argument)
            above, _, below = argument.partition("/")
            return float(_exactly(above) / _exactly(below or "1"))
        except (ValueError, ZeroDivisionError, OverflowError) as e:
            raise ValueError(f"{argument!r} is not a number such as 0.03 or 8/255") from e

    def flag_type(self):
        return "number"


class _PointsParser(flags.ArgumentParser):
    """A whole number of at least 1, or "auto"."""

    syntactic_help = "a number of points or auto"

    def parse(self, argument):
        if argument == "auto":
            return argument
        try:
            if int(argument) >= 1:
                return int(argument)
        except ValueError:
            pass
        raise ValueError(f"{argument!r} is neither a number of points, 1 at least, nor auto")

    def flag_type(self):
        return "points"


class _FractionsParser(flags.ArgumentParser):
    """Numbers with commas between."""

    syntactic_help = "numbers or fractions, commas between"

    def parse(self, argument):
        if not isinstance(argument, str):
            return list(argument)
        return [_FractionParser().parse(part) for part in argument.split(",")]

    def flag_type(self):
        return "numbers"


class _FractionsSerializer(flags.ArgumentSerializer):
    """As people write them: 2/255, where that is the number."""

    def serialize(self, value):
        return ",".join(self._one(each) for each in value)

    def _one(self, number):
        near = Fraction(number).limit_denominator(1000)
        return str(near) if float(near) == number else repr(number)


class _FractionSerializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return repr(value)


def define_points(name: str, help_text: str, fv: flags.FlagValues) -> None:
    """Points of a path held in memory at once: a number, auto (what --memory_gb allows), or None, all."""
    flags.DEFINE(_PointsParser(), name, None, help_text, fv, flags.ArgumentSerializer())


def define_memory(fv: flags.FlagValues) -> None:
    text = "What a chunk of auto may take, in GiB (half of what is free unless given)."
    flags.DEFINE_float("memory_gb", None, text, lower_bound=0.001, flag_values=fv)


def define_numbers(name: str, default, help_text: str, fv: flags.FlagValues) -> None:
    """Numbers, commas between, each as in define_number: --eps=2/255,4/255."""
    flags.DEFINE(_FractionsParser(), name, default, help_text, fv, _FractionsSerializer())


def define_number(name: str, default, help_text: str, fv: flags.FlagValues) -> None:
    """A number that may be written as a fraction, as the papers print eps: --eps=8/255."""
    flags.DEFINE(_FractionParser(), name, default, help_text, fv, _FractionSerializer())
