"""AutoAttack of this project beside that of torchattacks, on the same weights and images.  Run by hand; no test.

Needs, beside this project: a Python (the same or another) with torch and torchattacks (pip install torch torchattacks;
3.5.1 was used), and a network that `launch.train --model=mnist_cnn` left.  In the root of a clone:

    python -m tests.peers.autoattack attack --network=runs/madry/network.keras --data=DATA/mnist.npz --eps=0.3 \\
        --output=madry.npz
    python tests/peers/autoattack.py compare madry.npz

`attack` evaluates the network with --suite=autoattack's attack (standard) on the first images of the test part, and
writes weights, images, labels and results.  --scale=1000 multiplies the logits first, which changes no prediction and
hides the gradient of the cross-entropy: a network with masked gradients.  `compare` rebuilds the network in torch,
checks that its logits are the same, and makes the four attacks of torchattacks with the settings of the paper: 100
steps, where the AutoAttack class of torchattacks takes 10.  It prints the accuracy after each part in both.
"""

import argparse
import time

import numpy as np

PARTS = ("APGD-CE", "APGD-DLR, targeted", "FAB, targeted", "Square")


def attack(options) -> None:
    """Evaluates a Keras network, and writes all that `compare` needs."""
    import keras

    from tfrobust.attacks import AutoAttack
    from tfrobust.evaluation import Suite, evaluate
    from tfrobust.networks import load_network

    network = load_network(options.network)
    with np.load(options.data) as file:
        x, y = file["x_test"][: options.images], file["y_test"][: options.images].astype(np.int32).reshape(-1)
    x = x.astype(np.float32).reshape(len(x), *network.input_shape[1:]) / 255
    last = network.layers[-1]
    last.set_weights([options.scale * w for w in last.get_weights()])
    aa = AutoAttack(options.eps, norm=options.norm, seed=options.seed)
    suite = Suite("peers", {"AutoAttack": aa}, doubled=0, faithful=False, aligned=False)
    begun = time.perf_counter()
    result = evaluate(network, x, y, suite, batch_size=options.images)
    rows, order = result.robustness["AutoAttack"].rows(), np.argsort(result.chosen)
    natural = result.summary["natural"]["accuracy"]["mean"]
    print(f"keras {keras.__version__}: natural {natural:.4f}, {rows}, {time.perf_counter() - begun:.0f} s", flush=True)
    weights = {f"w{i}": w for i, w in enumerate(network.get_weights())}
    np.savez(
        options.output,
        **weights,
        x=x,
        y=y,
        logits=network.predict(x, verbose=0),
        fooled_by=result.robustness["AutoAttack"].fooled_by()[order],
        accuracies=[natural, *(row["accuracy"] for row in rows)],
        seconds=time.perf_counter() - begun,
        eps=options.eps,
        norm=options.norm,
        seed=options.seed,
    )


def in_torch(weights):
    """The network `mnist_cnn` with these Keras weights: images [B,C,H,W] in, logits out."""
    import torch
    from torch import nn

    class MnistCnn(nn.Module):
        def __init__(self):
            super().__init__()
            kernels = [torch.tensor(w) for w in weights]
            self.kernels = nn.ParameterList([nn.Parameter(k, requires_grad=False) for k in kernels])

        def forward(self, x):
            w = self.kernels
            for kernel, bias in ((w[0], w[1]), (w[2], w[3])):
                x = nn.functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=2)
                x = nn.functional.max_pool2d(torch.relu(x), 2)
            x = x.permute(0, 2, 3, 1).flatten(1)  # Keras flattens rows, columns, channels.
            return torch.relu(x @ w[4] + w[5]) @ w[6] + w[7]

    return MnistCnn().eval()


def compare(options) -> None:
    """Attacks the same network in torch, and prints both results."""
    import torch
    import torchattacks

    file = dict(np.load(options.file))
    model = in_torch([file[f"w{i}"] for i in range(8)])
    x, y = torch.tensor(file["x"]).permute(0, 3, 1, 2).contiguous(), torch.tensor(file["y"]).long()
    with torch.no_grad():
        off = np.abs(model(x).numpy() - file["logits"]).max() / np.abs(file["logits"]).max()
    assert off < 1e-4, f"the logits differ by {off} of the largest"
    norm, seed = {"linf": "Linf", "l2": "L2"}[str(file["norm"])], int(file["seed"])
    ball = {"norm": norm, "eps": float(file["eps"]), "seed": seed}
    attacks = (
        torchattacks.APGD(model, steps=100, loss="ce", **ball),
        torchattacks.APGDT(model, steps=100, **ball),
        torchattacks.FAB(model, steps=100, multi_targeted=True, **ball),
        torchattacks.Square(model, n_queries=5000, **ball),
    )
    begun = time.perf_counter()
    with torch.no_grad():
        left = torch.nonzero(model(x).argmax(1) == y).flatten()
    accuracies = [len(left) / len(x)]
    for each in attacks:
        if len(left):
            x_adv = each(x[left], y[left])
            with torch.no_grad():
                left = left[model(x_adv).argmax(1) == y[left]]
        accuracies.append(len(left) / len(x))
        print(f"{type(each).__name__}: {accuracies[-1]:.4f}, {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"{options.file}: {norm}, eps {ball['eps']:.4f}, {len(x)} images; torch {torch.__version__}")
    for name, own, peer in zip(("natural", *PARTS), file["accuracies"], accuracies):
        print(f"| {name} | {own:.1%} | {peer:.1%} |")
    print(f"seconds: {float(file['seconds']):.0f} here, {time.perf_counter() - begun:.0f} torchattacks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("attack")
    for name in ("network", "data", "output"):
        verb.add_argument(f"--{name}", required=True)
    verb.add_argument("--eps", type=float, required=True)
    verb.add_argument("--norm", default="linf")
    verb.add_argument("--scale", type=float, default=1.0)
    verb.add_argument("--images", type=int, default=500)
    verb.add_argument("--seed", type=int, default=0)
    verb.set_defaults(run=attack)
    verb = verbs.add_parser("compare")
    verb.add_argument("file")
    verb.set_defaults(run=compare)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
