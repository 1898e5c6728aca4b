-- KEYS: 1 members, 2 renewals, 3 joined, 4 cluster, 5 beat. All at one moment.
return {
  redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), redis.call('GET', KEYS[4]),
  redis.call('GET', KEYS[5])
}
