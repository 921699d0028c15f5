-- What the master knows of the instance, inherited by every worker: `name`, `tree` (the digest of
-- its files), `boot` (the number of this cycle of the master), `phases` (of nginx.conf, for
-- policies), `document` (the tree's own: bytes, compiled, digest) and `start`, the one to begin
-- with. cycle.lua fills it; nobody else writes here.
return {}
