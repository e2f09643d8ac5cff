"""Gradients and whole derivations, written from the forward equations that a document prints.

``chain``: the reverse chain rule, one node at a time; ``matrices``: index notation to products of matrices;
``entries``: the other way; ``typeset``: LaTeX in the document's own names; ``gradients``: what a document's loss
has as gradients; ``notes``: a derivation with its sentences and its manifest; ``unfold``, ``worked``, ``detail``:
components worked out through the loss; ``jacobians``; ``alike``: the same as printed.
"""
