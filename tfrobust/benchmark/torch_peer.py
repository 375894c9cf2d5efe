"""Does the jobs of captum, torchattacks and foolbox, in a Python process of its own that need not have TensorFlow.

    python torch_peer.py FILE.npz

FILE.npz holds the weights w0, w1, ... of the MNIST network as Keras has them, images x [B,H,W,C], labels y, and the
settings of the jobs (eps, steps, step_size, points, threads).  The first line that it writes says, as JSON, which jobs
there are, the versions, and what is missing.  Then it reads the names of jobs, a line each, does each at once, and
writes a line with its seconds, the peak memory so far, and the file of the results.
"""

import importlib
import json
import sys
import time

import numpy as np

JOBS = {"ig captum": "captum", "pgd torchattacks": "torchattacks", "pgd foolbox": "foolbox"}


def make_network(weights):
    """The network in PyTorch, on weights as Keras has them (kernels [rows, columns, from, to], channels last)."""
    import torch

    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    rows = round((w3.shape[0] / w2.shape[3]) ** 0.5)
    w3 = w3.reshape(rows, rows, w2.shape[3], -1).transpose(2, 0, 1, 3).reshape(w3.shape)
    conv = [torch.nn.Conv2d(w.shape[2], w.shape[3], w.shape[0], padding="same") for w in (w1, w2)]
    dense = [torch.nn.Linear(*w.shape) for w in (w3, w4)]
    with torch.no_grad():
        for layer, w, b in zip(conv, (w1, w2), (b1, b2)):
            layer.weight.copy_(torch.tensor(w.transpose(3, 2, 0, 1)))
            layer.bias.copy_(torch.tensor(b))
        for layer, w, b in zip(dense, (w3, w4), (b3, b4)):
            layer.weight.copy_(torch.tensor(w.T))
            layer.bias.copy_(torch.tensor(b))
    relu, pool = torch.nn.ReLU, lambda: torch.nn.MaxPool2d(2)
    layers = [conv[0], relu(), pool(), conv[1], relu(), pool(), torch.nn.Flatten(), dense[0], relu(), dense[1]]
    return torch.nn.Sequential(*layers).eval()


def make_jobs(given):
    """name -> function that does the job and returns its result [B,H,W,C]; only those whose package is there."""
    import torch

    torch.set_num_threads(int(given["threads"]))
    network = make_network([given[f"w{i}"] for i in range(8)])
    x = torch.tensor(given["x"].transpose(0, 3, 1, 2).copy())
    y = torch.tensor(given["y"].astype(np.int64))
    eps, step_size = float(given["eps"]), float(given["step_size"])
    steps, points = int(given["steps"]), int(given["points"])

    def integrated_gradients():
        from captum.attr import IntegratedGradients

        found = IntegratedGradients(network).attribute(x, 0.0, target=y, n_steps=points, method="riemann_right")
        return found.detach()

    def torchattacks():
        from torchattacks import PGD

        return PGD(network, eps=eps, alpha=step_size, steps=steps, random_start=False)(x, y)

    def foolbox():
        import foolbox

        attack = foolbox.attacks.LinfPGD(abs_stepsize=step_size, steps=steps, random_start=False)
        return attack(foolbox.PyTorchModel(network, bounds=(0, 1)), x, y, epsilons=eps)[1]

    work = dict(zip(JOBS, (integrated_gradients, torchattacks, foolbox)))
    return {name: function for name, function in work.items() if is_there(JOBS[name])}


def is_there(package):
    """Whether a package can be imported."""
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def version(package):
    """The version of a package that is there."""
    import importlib.metadata

    return importlib.metadata.version(package)


def peak_memory():
    """The most bytes that this process has held; None where the system does not say."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
    except (OSError, StopIteration):
        return None


def say(**what):
    """Writes a line."""
    print(json.dumps(what), flush=True)


def main(path):
    """Does what the lines of the standard input ask for."""
    packages = ("torch", *JOBS.values())
    missing = [package for package in packages if not is_there(package)]
    if "torch" in missing:
        say(jobs=[], missing=missing, versions={})
        return
    with np.load(path) as file:
        jobs = make_jobs(dict(file))
    say(jobs=list(jobs), missing=missing, versions={p: version(p) for p in packages if p not in missing})
    for line in sys.stdin:
        began = time.perf_counter()
        found = jobs[line.strip()]().numpy()
        seconds = time.perf_counter() - began
        np.save(path + ".result.npy", found.transpose(0, 2, 3, 1))
        say(seconds=seconds, peak=peak_memory(), result=path + ".result.npy")


if __name__ == "__main__":
    main(sys.argv[1])
