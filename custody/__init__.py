"""Who held what and when: the append-only record and the proofs about it."""
