"""Networks trained in plain NumPy, all seeds or runs at once: the alternatives to `networks`, without JAX."""

import numpy as np
from jaxtyping import Bool, Float, Int


def policy_gradient(
    rng: np.random.Generator,
    start: tuple[Float[np.ndarray, "..."], ...],
    features: Float[np.ndarray, "prompt feature"],
    correct: Int[np.ndarray, " prompt"],
    num_samples: int,
    num_rounds: int,
    learning_rate: float,
) -> Float[np.ndarray, "t seed"]:
    """Accuracy of networks (one hidden layer, tanh) trained by policy gradient and Adam, all seeds at once.

    `start`: weights [seed, feature, hidden] and [seed, hidden, class · form], biases [seed, 1, …], in the order weight,
    bias, weight, bias. The verdict is exact; of each prompt `num_samples` outputs are drawn, and the baseline of one is
    the mean verdict of the others.
    """
    weights = [part.copy() for part in start]
    moments = [[np.zeros_like(part) for part in weights] for _ in range(2)]
    num_seeds, num_outputs = weights[2].shape[0], weights[2].shape[2]
    num_forms = num_outputs // (correct.max() + 1)
    is_correct = (np.arange(num_outputs) // num_forms)[None, None, :] == correct[None, :, None]
    seed, prompt = np.arange(num_seeds)[:, None, None], np.arange(len(correct))[None, :, None]
    accuracy = []
    for t in range(num_rounds + 1):
        hidden = np.tanh(features @ weights[0] + weights[1])
        logits = hidden @ weights[2] + weights[3]
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        accuracy.append((p * is_correct).sum(-1).mean(-1))
        if t == num_rounds:
            break
        u = rng.random((num_seeds, len(correct), num_samples), p.dtype)
        chosen = (p.cumsum(-1)[:, :, None, :] < u[..., None]).sum(-1).clip(max=num_outputs - 1)
        verdicts = is_correct[0, prompt, chosen].astype(p.dtype)
        gain = (verdicts - verdicts.mean(-1, keepdims=True)) * (num_samples / (num_samples - 1))
        slope = np.zeros_like(p)
        np.add.at(slope, (seed, prompt, chosen), -gain / (num_samples * len(correct)))  # gains of a prompt sum to 0
        back = (slope @ weights[2].swapaxes(1, 2)) * (1 - hidden**2)
        gradients = [
            features.T @ back,
            back.sum(1, keepdims=True),
            hidden.swapaxes(1, 2) @ slope,
            slope.sum(1, keepdims=True),
        ]
        for weight, gradient, first, second in zip(weights, gradients, *moments, strict=True):
            first += (1 - 0.9) * (gradient - first)
            second += (1 - 0.999) * (gradient**2 - second)
            weight -= learning_rate * first / (1 - 0.9 ** (t + 1)) / (np.sqrt(second / (1 - 0.999 ** (t + 1))) + 1e-8)
    return np.stack(accuracy)


def learn_online(
    rng: np.random.Generator,
    start: tuple[Float[np.ndarray, "..."], ...],
    agreement: Float[np.ndarray, "run 2"],
    *,
    order: int,
    num_steps: int,
    batch: int,
    learning_rate: float,
) -> Float[np.ndarray, "record run learner t"]:
    """Loss, accuracy and reliance of networks (one hidden layer, tanh) that learn online by SGD, all runs at once.

    The label agrees with the parity of `order` of 10 bits and with a length up to 10; the learners see both features,
    or one of them while the sign of the other is independent. `start`: weights of each run as in `policy_gradient`, the
    same for its learners.
    """
    weight, bias, out_weight, out_bias = (np.repeat(part[:, None], 3, axis=1) for part in start)
    weight = np.concatenate([weight, bias], axis=2)  # of a feature that is 1
    written = np.array([[True, True], [True, False], [False, True]])[:, None]
    rates, places = agreement[:, None, None].astype(np.float32), np.arange(10, dtype=np.float32)
    x = np.ones((len(agreement), 3, 2 * batch, 21), np.float32)  # the training batch, then counterfactual samples
    hidden = np.empty((*x.shape[:3], out_weight.shape[2]), np.float32)
    shape, record = (len(agreement), 1, batch), np.empty((3, len(agreement), 3, num_steps), np.float32)
    for t in range(num_steps):
        u = rng.random((*shape, 5), np.float32)
        label, intended = _signs(u[..., :1] < 0.5), _signs(u[..., 1:2] < 0.5)
        seen = np.where(written, label * _signs(u[..., 2:4] >= rates), _signs(u[..., 4:] < 0.5))
        conflict = np.broadcast_to(intended * np.array([1, -1], np.float32), seen.shape)
        parity, length = np.split(np.concatenate([seen, conflict], axis=2), 2, axis=3)
        u = rng.random((len(agreement), 1, 2 * batch, 11), np.float32)
        x[..., :10] = bits = _signs(u[..., :10] < 0.5)
        x[..., :1] *= parity * bits[..., :order].prod(-1, keepdims=True)
        x[..., 10:20] = _signs(places >= 5 + length * (1 + np.floor(5 * u[..., 10:])))
        np.tanh(np.matmul(x, weight, out=hidden), out=hidden)
        log_probs = hidden @ out_weight + out_bias
        log_probs -= np.logaddexp(log_probs[..., :1], log_probs[..., 1:])
        predicted = _signs(log_probs[..., :1] >= log_probs[..., 1:])
        x_now, active, log_probs = x[:, :, :batch], hidden[:, :, :batch], log_probs[:, :, :batch]
        is_label = label == np.array([-1, 1], np.float32)
        record[0, ..., t] = -(log_probs * is_label).sum(-1).mean(-1)
        record[1, ..., t] = (predicted[:, :, :batch] == label).mean((2, 3))
        record[2, ..., t] = (predicted[:, :, batch:] != intended).mean((2, 3))
        slope = (np.exp(log_probs) - is_label) * np.float32(learning_rate / batch)
        back = slope @ out_weight.swapaxes(2, 3)
        back *= 1 - active**2
        weight -= x_now.swapaxes(2, 3) @ back
        out_weight -= active.swapaxes(2, 3) @ slope
        out_bias -= slope.sum(2, keepdims=True)
    return record


def _signs(minus: Bool[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.where(minus, np.float32(-1), np.float32(1))
