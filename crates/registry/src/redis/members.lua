-- KEYS: 1 members, 2 renewals, 3 joined, 4 cluster, 5 beat.
return {
  read('HGETALL', KEYS[1]), read('HGETALL', KEYS[2]), read('HGETALL', KEYS[3]), read('GET', KEYS[4]), read('GET', KEYS[5])
}
