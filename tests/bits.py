"""Nodes of a pipeline as sums, mod 2, of independent bits: information is exact, by ranks, for many bits a node."""

import networkx as nx


def rank(forms):
    """The joint entropy, in bits, of linear forms: each a whole number, whose digits name independent bits."""
    basis = []
    for form in forms:
        for one in basis:
            form = min(form, form ^ one)
        basis += [form] * (form > 0)
    return len(basis)


def shared(a, b):
    """I(a;b) in bits, of two lists of forms."""
    return rank(a) + rank(b) - rank([*a, *b])


def drawn(seen, width, rng, new, *, keeps=False):
    """`width` forms of those `seen`: sums of some, at times with a new bit; a node that `keeps` copies most of them."""
    forms = []
    for i in range(width):
        if keeps and seen:
            form = seen[i] if i < len(seen) <= width else rng.choice(seen)
            form ^= rng.choice(seen) * (rng.random() < 0.2)
        else:
            form = 1 << next(new) if rng.random() < (0.3 if seen else 0.9) else 0
            for one in seen:
                form ^= one * (rng.random() < 0.5)
        forms.append(form)
    return forms


def through(dag, order, bits, rng, new, width=None, keeps=()):
    """Draws the nodes of `order` that have no bits yet, each from its parents; `width` of those that are wider."""
    for node in order:
        if node not in bits:
            seen = [form for parent in dag.pred[node] for form in bits[parent]]
            bits[node] = drawn(seen, (width or {}).get(node, 1), rng, new, keeps=node in keeps)
    return bits


def gain_of_rounds(graph, before, after, fixed, num_rounds, rng, new, width):
    """I(X;last models) − I(X;before) in bits, of models of `width` bits, drawn round by round from the graph of one."""
    dag = graph
    order = list(nx.topological_sort(dag))
    once = {"X", *before}
    once |= set().union(*(nx.ancestors(dag, node) for node in once)) | set(fixed)
    widths = dict.fromkeys(("X", *before, *after), width)
    bits = through(dag, order, {}, rng, new, widths, (*before, *after))
    start = shared(bits["X"], [form for node in before for form in bits[node]])
    for _ in range(num_rounds - 1):
        kept = {node: bits[node] for node in once} | {old: bits[a] for old, a in zip(before, after, strict=True)}
        bits = through(dag, order, kept, rng, new, widths, (*before, *after))
    return shared(bits["X"], [form for node in after for form in bits[node]]) - start
