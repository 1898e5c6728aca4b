-- KEYS: 1 tallies, 2 tallies since the target revision, 3 last notes.
return { read('HGETALL', KEYS[1]), read('HGETALL', KEYS[2]), read('LRANGE', KEYS[3], 0, -1) }
