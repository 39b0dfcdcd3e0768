"""
zswap with IAA compress batching, in user space.

              page          4 KiB; where they come from
               |
             zswap          store, load, entries, pool, limits               acts
               |
    - - - -  acomp  - - - - the request: compress these, into there          contract
               |
            driver          chooses queues, prepares, polls, falls back      acts
               |
    - - - -  ring   - - - - descriptor, lanes, shared memory                 contract
               |
            device          its own process: queues, engines, answers        acts
               |
    - - - completion  - - - record, status codes, what each means            contract
               |
   back up:  driver -> acomp -> zswap

Around them: topology (contract), clock (contract), codec (leaf), machine (puts
processes together, gives the public API), workload (what sends pages), report
(leaf), cli (edge).  Rooms that act import contracts and leaves, never each other.
"""

__version__ = "0.1.0"
