-- ARGV: 3 floor, 4 salt, 5 owner, 6 settings (JSON), 7 rules, 8 name, 9 tick, 10 players, 11 world.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'stale', record()} end
local none = '0000000000000000'
local epoch = next_epoch(none, ARGV[3], ARGV[4])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'owner', ARGV[5], 'base', none, 'next', '', 'reason', '', 'settings', ARGV[6],
  'rules', ARGV[7], 'name', ARGV[8])
store(ARGV[9], ARGV[10], ARGV[11])
tell()
return {'granted', epoch}
