"""The recipe of the trained readers: from labelled feedback and the published weights of two language models.

``python -m pipeline.readers.training DATA`` runs it whole (see ``recipe``); ``heartline train`` fine-tunes the fast
reader on labels of one's own (see ``tune``) and needs numpy alone. MODEL_CARD.md says what comes out.
"""
