-- KEYS: 1 index. ARGV: pairs of a game and the time that its entry had when it was read. An entry that was added again
-- since then stays: somebody is about to use it.
for at = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then redis.call('HDEL', KEYS[1], ARGV[at]) end
end
return 1
