"""Lists the verbs: python -m launch."""

import ast
import glob
import os


def verbs() -> dict:
    """Name -> the first line of its help; read, not imported, because TensorFlow takes seconds."""
    found = {}
    for path in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.py"))):
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[os.path.basename(path).removesuffix(".py")] = ast.get_docstring(tree).splitlines()[0]
    return found


if __name__ == "__main__":
    print("usage: python -m launch.VERB [--FLAG=VALUE ...]; --help explains each.\n")
    for name, line in verbs().items():
        print(f"  {name:<12} {line}")
