-- KEYS: 1 index. ARGV: 1 game, 2 the time that its entry had when it was read. An entry that was added again since then
-- stays: somebody is about to use it.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
