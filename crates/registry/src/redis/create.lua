-- ARGV: 3 floor, 4 salt, 5 owner, 6 settings (JSON), 7 rules, 8 name, 9 maze,
-- 10 epoch of the world, 11 tick, 12 players, 13 bots, 14 world.
local held = record()
if held then return {'stale', held} end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
local none = '0000000000000000'
local epoch = next_epoch(none, ARGV[3], ARGV[4])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'owner', ARGV[5], 'base', none, 'next', '', 'reason', '', 'settings', ARGV[6],
  'rules', ARGV[7], 'name', ARGV[8], 'maze', ARGV[9])
restart(ARGV[10] == none and epoch or ARGV[10], ARGV[11], ARGV[12], ARGV[13], ARGV[14])
tell()
return {'granted', epoch}
