-- KEYS: 1 tallies, 2 tallies since the target revision, 3 last notes. All at one moment.
return { redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('LRANGE', KEYS[3], 0, -1) }
