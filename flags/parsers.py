"""Flag types that absl lacks."""

from fractions import Fraction

from absl import flags


class _FractionParser(flags.ArgumentParser):
    """A number, also written as a fraction: 0.03, 8/255, 1.5/255."""

    syntactic_help = "a number or a fraction"

    def parse(self, argument):
        try:
            if not isinstance(argument, str):
                return float(argument)
            above, _, below = argument.partition("/")
            return float(Fraction(above) / Fraction(below or 1))
        except (ValueError, ZeroDivisionError) as e:
            raise ValueError(f"{argument!r} is not a number such as 0.03 or 8/255") from e

    def flag_type(self):
        return "number"


class _FractionSerializer(flags.ArgumentSerializer):
    def serialize(self, value):
        return repr(value)


def define_number(name: str, default, help_text: str, fv: flags.FlagValues) -> None:
    """A number that may be written as a fraction, as the papers print eps: --eps=8/255."""
    flags.DEFINE(_FractionParser(), name, default, help_text, fv, _FractionSerializer())
